/** The table of presets: the apps for which `client create --for` makes a client. */
import type * as z from 'zod'
import { nearest } from '../../ground/nearest.ts'
import type { ClientChange } from '../client.ts'
import { clientChangeSchema, toClientChange } from '../wire.ts'
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

const whyNoPreset = (name: string): string =>
  NOT_YET[name] ?? `there is no preset "${name}"${nearest(name, PRESETS.keys())}`

/** A preset that was chosen, with the address of the app. */
export interface ChosenPreset {
  name: string
  preset: Preset
  /** Without a slash at its end; empty where the app has none. */
  url: string
  /** The metadata that this app at this address needs. */
  change: ClientChange
}

interface PresetFault {
  fault: string
  at: 'for' | 'url'
}

/** A preset by its name and the app's own address, or the fault: `at` says which of the two is wrong. */
export function choosePreset(name: string, url: string | undefined): ChosenPreset | PresetFault {
  const preset = PRESETS.get(name)
  if (!preset) return { fault: whyNoPreset(name), at: 'for' }
  if (!preset.hasUrl) return changeFor(name, preset, '')
  if (url === undefined) return { fault: `the preset ${name} needs the app's own address`, at: 'url' }
  const read = URL.canParse(url) ? new URL(url) : undefined
  const isAddress = read && /^https?:$/.test(read.protocol) && !/[?#@]/.test(url) && /^[\x21-\x7E]+$/.test(url)
  if (!isAddress) return { fault: 'this is no http or https address without query and fragment', at: 'url' }
  return changeFor(name, preset, withoutSlashes(url))
}

/** A client takes fewer addresses than there are: a redirect URI with http leads to the person's own machine alone. */
function changeFor(name: string, preset: Preset, url: string): ChosenPreset | PresetFault {
  const metadata = { client_name: preset.title, ...preset.metadata(url) }
  const parsed = clientChangeSchema.zod.safeParse(metadata)
  if (!parsed.success) return { fault: describeIssue(parsed.error.issues[0], metadata), at: 'url' }
  return { name, preset, url, change: { ...toClientChange(parsed.data), preset: name } }
}

function describeIssue(issue: z.core.$ZodIssue | undefined, metadata: Record<string, unknown>): string {
  const [member, at] = issue?.path ?? []
  const given = typeof member === 'string' ? metadata[member] : undefined
  const value = Array.isArray(given) && typeof at === 'number' ? given[at] : given
  return `${String(member)} would be ${JSON.stringify(value)}: ${issue?.message ?? 'not accepted'}`
}

function withoutSlashes(url: string): string {
  let end = url.length
  while (url[end - 1] === '/') end -= 1
  return url.slice(0, end)
}

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
  const matches = ({ change }: ChosenPreset) => redirectUris.filter((uri) => change.redirectUris?.includes(uri)).length
  // Of several the shortest, which comes first: the sort is stable.
  return all.toSorted((a, b) => matches(b) - matches(a))[0]
}

/** A URI cut off before each slash of its path, and the whole of it: the shortest first. */
function addressesAbove(uri: string): string[] {
  if (!/^https?:\/\//.test(uri)) return []
  const start = uri.indexOf('//') + 2
  const slashes = [...uri.matchAll(/\//g)].map(({ index }) => index).filter((index) => index >= start)
  return [...slashes, uri.length].map((end) => uri.slice(0, end))
}
