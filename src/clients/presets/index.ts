/** The table of presets: the apps for which `client create --for` makes a client. */
import { nearest } from '../../ground/nearest.ts'
import { ASSISTANTS } from './assistants.ts'
import { CLUSTERS } from './clusters.ts'
import type { Preset } from './preset.ts'
import { SELF_HOSTED } from './self-hosted.ts'

export const PRESETS: ReadonlyMap<string, Preset> = new Map(
  Object.entries<Preset>({ ...SELF_HOSTED, ...CLUSTERS, ...ASSISTANTS }),
)

/** Apps that this version cannot serve yet, and why. */
const NOT_YET: Record<string, string> = {
  postgres: 'PostgreSQL 18 signs in by the device flow alone (RFC 8628), which this version does not serve',
}

/** Why there is no preset of this name. */
export const whyNoPreset = (name: string): string =>
  NOT_YET[name] ?? `there is no preset "${name}"${nearest(name, PRESETS.keys())}`
