/**
 * A client for a known app, and the block that is pasted into the app: `signet client create --for`, `client presets` and
 * `client paste`.
 */
import type { Command } from 'commander'
import { usesSecret } from '../clients/client.ts'
import { CLIENT_ID } from '../clients/presets/preset.ts'
import { PRESETS, choosePreset, presetBehind, type ChosenPreset } from '../clients/presets/index.ts'
import type { RegisteredClient } from '../clients/registration.ts'
import { clientMetadata } from '../clients/wire.ts'
import { Fault } from '../ground/errors.ts'
import { shell } from '../ground/shell-word.ts'
import { endpointUrl } from '../http/endpoint-url.ts'
import type { Issuer } from '../issuer.ts'
import type { ClientRecord } from '../store/records/client.ts'
import { withNamed } from './named.ts'
import { answer, note, table } from './output.ts'
import { anotherSecret, describeAccess } from './registered.ts'
import { usualTarget } from './snippets/caller.ts'
import { subcommand } from './subcommand.ts'
import { UsageError } from './usage.ts'

const HELP = 'see them all: signet client presets'

export interface PresetOptions {
  for?: string | undefined
  url?: string | undefined
}

/** Adds `--for` and `--url` to a command that makes a client. */
export const withPreset = (command: Command): Command =>
  command
    .option('--for <app>', 'make it for this app, and print the block to paste there')
    .option('--url <url>', "the app's own address, for --for")

export function definePresets(client: Command): void {
  subcommand(client, 'presets', 'the apps that create --for knows', 'presets').action(
    (_options: object, command: Command) => {
      const presets = [...PRESETS].map(([name, { title, part, hasUrl }]) => ({
        name,
        title: part === undefined ? title : `${title} (${part})`,
        needs_url: hasUrl,
      }))
      const rows = presets.map(({ name, title, needs_url: needsUrl }) => [name, title, needsUrl ? '--url' : ''])
      answer(command, presets, () => table(['FOR', 'APP', 'NEEDS'], rows, 'none'))
    },
  )
}

/** @throws UsageError that names what is missing */
export function readPreset({ for: name, url }: PresetOptions): ChosenPreset | undefined {
  if (name === undefined) {
    if (url !== undefined) throw new UsageError('--url is for --for APP', HELP)
    return undefined
  }
  const chosen = choosePreset(name, url)
  if (!('fault' in chosen)) return chosen
  const help = chosen.at === 'for' ? HELP : `such as --url https://${name}.example.com`
  throw new UsageError(`--${chosen.at}: ${chosen.fault}`, help)
}

/** Prints the block that goes into the app, and the steps that guides leave out. */
export function answerPreset(
  command: Command,
  chosen: ChosenPreset,
  { client, secret }: RegisteredClient,
  issuer: Issuer,
): void {
  const { paste, notes } = blockOf(chosen, client, secret, issuer)
  // A cloud knows its client by name alone, so its block holds no secret.
  const isSecretPasted = secret === undefined || paste.includes(secret)
  const shown = isSecretPasted ? [paste] : [paste, '', ...describeAccess({ client, secret }, issuer.issuer)]
  answer(
    command,
    { ...clientMetadata(client, secret), paste, notes },
    () => shown.join('\n'),
    anotherSecret(client.clientId, secret),
  )
  for (const each of notes) note(each)
  if (secret !== undefined) note('the secret is shown this once and is not kept')
}

function blockOf(
  { preset, url }: ChosenPreset,
  { clientId, tokenEndpointAuthMethod: authMethod, redirectUris }: ClientRecord,
  clientSecret: string | undefined,
  { issuer, config, resources }: Issuer,
): { paste: string; notes: string[] } {
  const at = (path: string) => endpointUrl(issuer, path)
  const brand = config.brandName ?? 'Signet'
  const paste = preset.paste({ issuer, clientId, clientSecret, authMethod, url, redirectUris, at, brand })
  const notes = preset.notes.map((each) => each.replaceAll(CLIENT_ID, shell(clientId)))
  const { resource } = preset
  if (!resource || resources.find(resource.id)) return { paste, notes }
  const missing = `make the resource first: signet resource create ${resource.id} ${resource.flags}`
  return { paste, notes: [missing, ...notes] }
}

/** Stands for the secret, which nobody knows any more. */
const NO_SECRET = 'THE_SECRET_SHOWN_ONCE'

export function definePaste(client: Command): void {
  subcommand(
    client,
    'paste <id>',
    'print the block for the app of create --for again, without the secret',
    'paste nextcloud',
  ).action(pasteAgain)
}

const pasteAgain = (id: string, _options: object, command: Command): Promise<void> =>
  withNamed('client', id, async (issuer) => {
    const client = await issuer.clientRegistry.get(id)
    const chosen = presetBehind(client)
    if (!chosen)
      throw new Fault(
        `client ${JSON.stringify(id)} was not made by --for, or has no redirect URI of its app`,
        `its values: signet client show ${shell(id)}; code for it: signet client snippet ${shell(id)} --for ${usualTarget(client)}`,
      )
    const hasSecret = usesSecret(client)
    const { paste, notes } = blockOf(chosen, client, hasSecret ? NO_SECRET : undefined, issuer)
    answer(command, { for: chosen.name, paste, notes }, () => paste)
    for (const each of notes) note(each)
    if (hasSecret) note(`${NO_SECRET} stands for the secret; a new one: signet client rotate-secret ${shell(id)}`)
  })
