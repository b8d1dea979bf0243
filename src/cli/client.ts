/** `signet client …`: the clients, which ask for tokens. */
import { BY_CLI } from '../audit.ts'
import type { Command } from 'commander'
import { newClient, requireSoundClient } from '../clients/client.ts'
import { toIso } from '../ground/clock.ts'
import { CLIENT_FIELDS, clientChangeSchema, clientMetadata, toClientChange } from '../clients/wire.ts'
import { addRedirectUris, type ClientChange } from '../clients/registration.ts'
import type { Issuer } from '../issuer.ts'
import { findResourceIdFault } from '../resources/resource.ts'
import { mayMakeDatabase, withIssuer, withIssuerOrNew } from './open-issuer.ts'
import { readMetadata, withMetadata, type MetadataOptions } from './metadata.ts'
import { requireNamedClient } from './named.ts'
import { answer, counted, fieldList, note, table } from './output.ts'
import { answerPreset, definePaste, definePresets, readPreset, withPreset, type PresetOptions } from './preset.ts'
import { noteUnknown } from './unknown-targets.ts'
import { answerChanged, answerCreated } from './registered.ts'
import { noteStillRefused } from './still-refused.ts'
import { defineCallerSnippet } from './snippet.ts'
import { UsageError, collect, requireFaultless, requireSound, usualDuration } from './usage.ts'

export function defineClient(client: Command): void {
  client.addHelpText('after', example('create --id orders --scope "orders:read" --resource https://orders.example'))
  withPreset(
    withMetadata(
      mayMakeDatabase(client.command('create'))
        .description('register a client; its secret is shown this once')
        .option('--id <id>', 'its client_id; made up when absent'),
      CLIENT_FIELDS,
    ),
  )
    .addHelpText(
      'after',
      example('create --id orders --grant client_credentials --scope "orders:read" --resource https://orders.example'),
    )
    .action(create)
  client.command('list').description('all clients').addHelpText('after', example('list')).action(list)
  client
    .command('show')
    .argument('<id>')
    .description('one client')
    .addHelpText('after', example('show orders'))
    .action(show)
  withMetadata(
    client.command('update').argument('<id>').description('replace the fields that are given; the others stay'),
    CLIENT_FIELDS,
  )
    .option('--add-redirect-uri <uri>', 'another place where people are sent back to (repeatable)', collect)
    .addHelpText('after', example('update orders --scope "orders:read orders:write"'))
    .action(update)
  client
    .command('rotate-secret')
    .argument('<id>')
    .description('make a new secret, shown this once; the one before it ends after the overlap')
    .addOption(usualDuration('--overlap <duration>', 'how long the old secret is still taken', 86_400, '1d'))
    .addHelpText('after', example('rotate-secret orders --overlap 1h'))
    .action(rotateSecret)
  client
    .command('disable')
    .argument('<id>')
    .description('refuse it everything and deny its live tokens, until it is enabled')
    .addHelpText('after', example('disable orders'))
    .action(disable)
  client
    .command('enable')
    .argument('<id>')
    .description('undo disable')
    .addHelpText('after', example('enable orders'))
    .action(enable)
  client
    .command('delete')
    .argument('<id>')
    .description('delete it with its grants, and deny its live tokens')
    .addHelpText('after', example('delete orders'))
    .action(remove)
  defineCallerSnippet(client)
  definePresets(client)
  definePaste(client)
}

const example = (line: string): string => `\nExample:\n  signet client ${line}`

function readChange(options: MetadataOptions): ClientChange {
  const change = toClientChange(readMetadata(options, CLIENT_FIELDS, clientChangeSchema))
  for (const id of change.resources ?? []) requireFaultless('--resource', id, findResourceIdFault(id))
  return change
}

type Creation = MetadataOptions & PresetOptions & { id?: string }

async function create({ id, for: app, url, ...options }: Creation, command: Command): Promise<void> {
  const chosen = readPreset({ for: app, url })
  // Flags that are given win over the preset.
  const change = { ...chosen?.change, ...readChange(options) }
  requireSound(() => requireSoundClient(newClient(id ?? 'generated', 0, change)))
  await withIssuerOrNew(command, async (issuer) => {
    const registered = await issuer.clientRegistry.create({ clientId: id, ...change }, BY_CLI)
    if (chosen) answerPreset(command, chosen, registered, issuer)
    else answerCreated(command, registered, issuer)
    if (!chosen) await noteUnknown(registered.client, issuer)
    const { client, endedGrants } = registered
    if (endedGrants > 0)
      note(
        `"${client.clientId}" was the sub of a person, whose tokens and ${counted(endedGrants, 'live grant')} have ended: the client has the name now`,
      )
  })
}

function forPeople(metadata: ReturnType<typeof clientMetadata>): string {
  const { secrets, jwks, client_secret_expires_at: _never, ...rest } = { client_secret_expires_at: 0, ...metadata }
  const described = secrets.map(
    ({ created_at, expires_at }) => `since ${created_at}${expires_at ? ` until ${expires_at}` : ''}`,
  )
  return fieldList({
    ...rest,
    secrets: described.join(', '),
    jwks: jwks === null ? null : `${jwks.keys.length} public keys`,
  })
}

const list = (_options: object, command: Command): Promise<void> =>
  withIssuer(async ({ clientRegistry }) => {
    const clients = (await clientRegistry.list()).map((client) => clientMetadata(client))
    const rows = clients.map((each) => [
      each.client_id,
      each.client_name,
      each.status,
      each.grant_types,
      each.scope,
      each.resources,
    ])
    answer(command, clients, () =>
      table(
        ['CLIENT_ID', 'NAME', 'STATUS', 'GRANT TYPES', 'SCOPE', 'RESOURCES'],
        rows,
        'no clients yet; make one with: signet client create',
      ),
    )
  })

const show = (id: string, _options: object, command: Command): Promise<void> =>
  withClient(id, async ({ clientRegistry }) => {
    const metadata = clientMetadata(await clientRegistry.get(id))
    answer(command, metadata, () => forPeople(metadata))
  })

/** @throws Fault that names the client, if it does not exist. */
const withClient = (id: string, work: (issuer: Issuer) => Promise<void>): Promise<void> =>
  withIssuer(async (issuer) => {
    await requireNamedClient(id, issuer)
    await work(issuer)
  })

async function update(
  id: string,
  { addRedirectUri = [], ...options }: MetadataOptions & { addRedirectUri?: string[] },
  command: Command,
): Promise<void> {
  const change = readChange(options)
  const isEmpty = Object.keys(change).length === 0 && addRedirectUri.length === 0
  if (isEmpty) throw new UsageError('nothing to change was given')
  const changing = addRedirectUri.length > 0 ? addRedirectUris(addRedirectUri, change) : change
  await withClient(id, async (issuer) => {
    const registered = await issuer.clientRegistry.update(id, changing, BY_CLI)
    answerChanged(command, registered, `client ${id} was changed`)
    await noteUnknown(registered.client, issuer)
  })
}

const rotateSecret = (id: string, { overlap }: { overlap: number }, command: Command): Promise<void> =>
  withClient(id, async ({ clientRegistry }) => {
    const rotated = await clientRegistry.rotateSecret(id, BY_CLI, overlap)
    const ends = rotated.client.secrets.flatMap(({ expiresAt }) => expiresAt ?? [])
    const until = ends.length > 0 ? `; the one before is taken until ${toIso(Math.max(...ends))}` : ''
    answerChanged(command, rotated, `client ${id} has a new secret${until}`)
  })

const disable = (id: string, _options: object, command: Command): Promise<void> =>
  withClient(id, async ({ clientRegistry }) => {
    const client = await clientRegistry.disable(id, BY_CLI)
    const done = `client ${id} is disabled: everything is refused to it, and its live tokens are denied`
    answerChanged(command, { client, secret: undefined }, done)
  })

const enable = (id: string, _options: object, command: Command): Promise<void> =>
  withClient(id, async (issuer) => {
    const client = await issuer.clientRegistry.enable(id, BY_CLI)
    answerChanged(command, { client, secret: undefined }, `client ${id} is enabled`)
    noteStillRefused('client_id', id, issuer)
  })

const remove = (id: string, _options: object, command: Command): Promise<void> =>
  withClient(id, async ({ clientRegistry }) => {
    const client = await clientRegistry.get(id)
    await clientRegistry.delete(id, BY_CLI)
    answerChanged(command, { client, secret: undefined }, `client ${id} was deleted; its live tokens are denied`)
  })
