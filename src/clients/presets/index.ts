/** The table of presets: the apps for which `client create --for` makes a client. */
import { nearest } from '../../ground/nearest.ts'
import { ASSISTANTS } from './assistants.ts'
import { CLUSTERS } from './clusters.ts'
import type { Preset, PresetMetadata } from './preset.ts'
import { SELF_HOSTED } from './self-hosted.ts'

export const PRESETS: ReadonlyMap<string, Preset> = new Map(
  Object.entries<Preset>({ ...SELF_HOSTED, ...CLUSTERS, ...ASSISTANTS }),
)

/** Apps that this version cannot serve yet, and why. */
const NOT_YET: Record<string, string> = {
  postgres: 'PostgreSQL 18 signs in by the device flow alone (RFC 8628), which this version does not serve',
}

const whyNoPreset = (name: string): string =>
  NOT_YET[name] ?? `there is no preset "${name}"${nearest(name, PRESETS.keys())}`

/** A preset that was chosen, with the address of the app. */
export interface ChosenPreset {
  name: string
  preset: Preset
  /** Without a slash at its end; empty where the app has none. */
  url: string
}

/** A preset by its name and the app's own address, or the fault: `at` says which of the two is wrong. */
export function choosePreset(
  name: string,
  url: string | undefined,
): ChosenPreset | { fault: string; at: 'for' | 'url' } {
  const preset = PRESETS.get(name)
  if (!preset) return { fault: whyNoPreset(name), at: 'for' }
  if (!preset.hasUrl) return { name, preset, url: '' }
  if (url === undefined) return { fault: `the preset ${name} needs the app's own address`, at: 'url' }
  const read = URL.canParse(url) ? new URL(url) : undefined
  const isAddress = read && /^https?:$/.test(read.protocol) && !/[?#@]/.test(url) && /^[\x21-\x7E]+$/.test(url)
  if (!isAddress) return { fault: 'this is no http or https address without query and fragment', at: 'url' }
  return { name, preset, url: withoutSlashes(url) }
}

function withoutSlashes(url: string): string {
  let end = url.length
  while (url[end - 1] === '/') end -= 1
  return url.slice(0, end)
}

/** The members of the client that a preset asks for. */
export const presetMetadata = ({ preset, url }: ChosenPreset): PresetMetadata => ({
  client_name: preset.title,
  ...preset.metadata(url),
})

/**
 * The preset that made a client, with the app's address, which is read off its redirect URIs: the address itself is not
 * kept. `undefined` where no preset made the client, or the address cannot be told.
 */
export function presetBehind({
  preset,
  redirectUris,
}: {
  preset: string | null
  redirectUris: readonly string[]
}): ChosenPreset | undefined {
  if (preset === null) return undefined
  const all = [undefined, ...redirectUris.flatMap(addressesAbove)].flatMap((url) => {
    const chosen = choosePreset(preset, url)
    return 'fault' in chosen ? [] : [chosen]
  })
  const leadsBack = (chosen: ChosenPreset): boolean => {
    const { redirect_uris: uris } = presetMetadata(chosen)
    return Array.isArray(uris) && redirectUris.some((uri) => uris.includes(uri))
  }
  return all.find(leadsBack) ?? all[0]
}

/** The origin of a URL, and the origin with each beginning of the path, the shortest first. */
function addressesAbove(uri: string): string[] {
  if (!/^https?:/.test(uri) || !URL.canParse(uri)) return []
  const { origin, pathname } = new URL(uri)
  const parts = pathname.split('/').filter((part) => part !== '')
  return parts.map((_, count) => [origin, ...parts.slice(0, count)].join('/'))
}
