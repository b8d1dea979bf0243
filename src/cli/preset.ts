/** `signet client create --for APP` and `signet client presets`: a client for an app, and the block to paste into it. */
import type { Command } from 'commander'
import { PRESETS, choosePreset, presetMetadata, type ChosenPreset } from '../clients/presets/index.ts'
import type { ClientChange, RegisteredClient } from '../clients/registration.ts'
import { clientChangeSchema, clientMetadata, toClientChange } from '../clients/wire.ts'
import { endpointUrl } from '../http/endpoint-url.ts'
import type { Issuer } from '../issuer.ts'
import { answer, note, table } from './output.ts'
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
  client
    .command('presets')
    .description('the apps that create --for knows')
    .addHelpText('after', '\nExample:\n  signet client presets')
    .action((_options: object, command: Command) => {
      const presets = [...PRESETS].map(([name, { title, hasUrl }]) => ({ name, title, needs_url: hasUrl }))
      const rows = presets.map(({ name, title, needs_url: needsUrl }) => [name, title, needsUrl ? '--url' : ''])
      answer(command, presets, () => table(['FOR', 'APP', 'NEEDS'], rows, 'none'))
    })
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

/** The change that makes a client what the preset asks for. */
export const presetChange = (chosen: ChosenPreset): ClientChange => ({
  ...toClientChange(clientChangeSchema.parse(presetMetadata(chosen))),
  preset: chosen.name,
})

/** Prints the block that goes into the app, and the steps that guides leave out. */
export function answerPreset(
  command: Command,
  { preset, url }: ChosenPreset,
  { client, secret }: RegisteredClient,
  { issuer, config }: Issuer,
): void {
  const paste = preset.paste({
    issuer,
    clientId: client.clientId,
    clientSecret: secret,
    authMethod: client.tokenEndpointAuthMethod,
    url,
    redirectUris: client.redirectUris,
    at: (path) => endpointUrl(issuer, path),
    brand: config.brandName ?? 'Signet',
  })
  const notes = preset.notes.map((each) => each.replaceAll('CLIENT_ID', client.clientId))
  answer(command, { ...clientMetadata(client, secret), paste, notes }, () => paste)
  for (const each of notes) note(each)
  if (secret !== undefined) note('the secret is shown this once and is not kept')
}
