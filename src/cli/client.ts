/** `signet client …`: the clients, which ask for tokens. */
import { BY_CLI } from '../audit.ts'
import type { Command } from 'commander'
import { newClient, requireSoundClient, type ClientChange } from '../clients/client.ts'
import { CLIENT_FIELDS, clientChangeSchema, clientMetadata, toClientChange } from '../clients/wire.ts'
import { addRedirectUris } from '../clients/registration.ts'
import { findResourceIdFault } from '../resources/resource.ts'
import { mayMakeDatabase, withIssuer, withIssuerOrNew } from './open-issuer.ts'
import { readMetadata, withMetadata, type MetadataOptions } from './metadata.ts'
import { withNamed } from './named.ts'
import { answer, counted, fieldList, note, table } from './output.ts'
import { answerPreset, definePaste, definePresets, readPreset, withPreset, type PresetOptions } from './preset.ts'
import { noteRefusedAddresses } from './refused-addresses.ts'
import { subcommand, withExample } from './subcommand.ts'
import { noteUnknown } from './unknown-targets.ts'
import { answerChanged, answerCreated, answerRotated } from './registered.ts'
import { noteStillRefused } from './still-refused.ts'
import { defineCallerSnippet } from './snippet.ts'
import { UsageError, collect, requireFaultless, requireSound, usualDuration } from './usage.ts'

export function defineClient(client: Command): void {
  withExample(client, 'create --id orders --scope "orders:read" --resource https://orders.example')
  defineCreation(client)
  subcommand(client, 'list', 'all clients', 'list').action(list)
  subcommand(client, 'show <id>', 'one client', 'show orders').action(show)
  defineChanges(client)
  defineEnds(client)
  defineCallerSnippet(client)
  definePresets(client)
  definePaste(client)
}

function defineCreation(client: Command): void {
  const creation = subcommand(
    client,
    'create',
    'register a client; its secret is shown this once',
    'create --id orders --grant client_credentials --scope "orders:read" --resource https://orders.example',
  )
  mayMakeDatabase(creation).option('--id <id>', 'its client_id; made up when absent')
  withPreset(withMetadata(creation, CLIENT_FIELDS)).action(create)
}

function defineChanges(client: Command): void {
  const change = subcommand(
    client,
    'update <id>',
    'replace the fields that are given; the others stay',
    'update orders --scope "orders:read orders:write"',
  )
  withMetadata(change, CLIENT_FIELDS)
    .option('--add-redirect-uri <uri>', 'another place where people are sent back to (repeatable)', collect)
    .action(update)
  subcommand(
    client,
    'rotate-secret <id>',
    'make a new secret, shown this once; the one before it ends after the overlap',
    'rotate-secret orders --overlap 1h',
  )
    .addOption(usualDuration('--overlap <duration>', 'how long the old secret is still taken', 86_400, '1d'))
    .action(rotateSecret)
}

function defineEnds(client: Command): void {
  subcommand(
    client,
    'disable <id>',
    'refuse it everything and deny its live tokens, until it is enabled',
    'disable orders',
  ).action(disable)
  subcommand(client, 'enable <id>', 'undo disable', 'enable orders').action(enable)
  subcommand(client, 'delete <id>', 'delete it with its grants, and deny its live tokens', 'delete orders').action(
    remove,
  )
}

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
    noteRefusedAddresses(registered.client, issuer.config)
    const { client, endedGrants, isUserDisabled } = registered
    if (isUserDisabled)
      note(
        `"${client.clientId}" was the id of a user, who is disabled now, with every session and token: the client has the name now`,
      )
    else if (endedGrants > 0)
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
  withNamed('client', id, async ({ clientRegistry }) => {
    const metadata = clientMetadata(await clientRegistry.get(id))
    answer(command, metadata, () => forPeople(metadata))
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
  await withNamed('client', id, async (issuer) => {
    const registered = await issuer.clientRegistry.update(id, changing, BY_CLI)
    answerChanged(command, registered, `client ${id} was changed`)
    await noteUnknown(registered.client, issuer)
    noteRefusedAddresses(change, issuer.config)
  })
}

const rotateSecret = (id: string, { overlap }: { overlap: number }, command: Command): Promise<void> =>
  withNamed('client', id, async ({ clientRegistry }) => {
    answerRotated(command, await clientRegistry.rotateSecret(id, BY_CLI, overlap), overlap)
  })

const disable = (id: string, _options: object, command: Command): Promise<void> =>
  withNamed('client', id, async ({ clientRegistry }) => {
    const client = await clientRegistry.disable(id, BY_CLI)
    const done = `client ${id} is disabled: everything is refused to it, and its live tokens are denied`
    answerChanged(command, { client, secret: undefined }, done)
  })

const enable = (id: string, _options: object, command: Command): Promise<void> =>
  withNamed('client', id, async (issuer) => {
    const client = await issuer.clientRegistry.enable(id, BY_CLI)
    answerChanged(command, { client, secret: undefined }, `client ${id} is enabled`)
    noteStillRefused('client_id', id, issuer)
  })

const remove = (id: string, _options: object, command: Command): Promise<void> =>
  withNamed('client', id, async ({ clientRegistry }) => {
    const client = await clientRegistry.get(id)
    await clientRegistry.delete(id, BY_CLI)
    answerChanged(command, { client, secret: undefined }, `client ${id} was deleted; its live tokens are denied`)
  })
