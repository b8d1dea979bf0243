/** `signet client …`: the clients, which ask for tokens. */
import { BY_CLI } from '../audit.ts'
import type { Command } from 'commander'
import { OFFLINE_ACCESS, PERSON_SCOPES, newClient, requireSoundClient } from '../clients/client.ts'
import { updateCommand } from '../clients/update-command.ts'
import { shell } from '../ground/shell-word.ts'
import { issuerResource } from '../resources/resource.ts'
import { registeredResources } from '../grants/target.ts'
import { CLIENT_FIELDS, clientChangeSchema, clientMetadata, toClientChange } from '../clients/wire.ts'
import { addRedirectUris, type ClientChange, type RegisteredClient } from '../clients/registration.ts'
import type { Issuer } from '../issuer.ts'
import type { ClientRecord } from '../store/records/client.ts'
import { mayMakeDatabase, withIssuer, withIssuerOrNew } from './open-issuer.ts'
import { readMetadata, withMetadata, type MetadataOptions } from './metadata.ts'
import { requireNamedClient } from './named.ts'
import { answer, fieldList, note, table } from './output.ts'
import { answerPreset, definePresets, presetChange, readPreset, withPreset, type PresetOptions } from './preset.ts'
import { defineSnippet } from './snippet.ts'
import { UsageError, collect, durationOption, requireSound } from './usage.ts'

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
    .option('--overlap <duration>', 'how long the old secret is still taken', durationOption, 86_400)
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
  defineSnippet(client)
  definePresets(client)
}

const example = (line: string): string => `\nExample:\n  signet client ${line}`

const readChange = (options: MetadataOptions): ClientChange =>
  toClientChange(readMetadata(options, CLIENT_FIELDS, clientChangeSchema))

type Creation = MetadataOptions & PresetOptions & { id?: string }

async function create({ id, for: app, url, ...options }: Creation, command: Command): Promise<void> {
  const chosen = readPreset({ for: app, url })
  // Flags that are given win over the preset.
  const change = { ...(chosen && presetChange(chosen)), ...readChange(options) }
  requireSound(() => requireSoundClient(newClient(id ?? 'generated', 0, change)))
  await withIssuerOrNew(command, async (issuer) => {
    const registered = await issuer.clientRegistry.create({ clientId: id, ...change }, BY_CLI)
    if (chosen) answerPreset(command, chosen, registered, issuer)
    else tellRegistered(command, registered, issuer)
    const { client, endedGrants } = registered
    if (endedGrants > 0)
      note(
        `"${client.clientId}" was the sub of a person, whose tokens and ${endedGrants} live grants have ended: the client has the name now`,
      )
  })
}

function tellRegistered(command: Command, { client, secret }: RegisteredClient, issuer: Issuer): void {
  const metadata = clientMetadata(client, secret)
  answer(command, metadata, () => forPeople(metadata))
  if (secret !== undefined) note('client_secret is shown this once and is not kept')
  tellMissingResources(client, issuer)
  tellUnknownScopes(client, issuer)
}

/** Created all the same: which of the two comes first is for the operator to choose. */
function tellMissingResources(client: ClientRecord, { resources }: Issuer): void {
  for (const id of client.resources.filter((each) => !resources.find(each))) {
    note(
      `resource ${id} does not exist yet, and no token can be had for it before: signet resource create ${shell(id)}`,
    )
  }
}

/** A scope that none of its resources knows can never be granted, and a token without it is given in silence. */
function tellUnknownScopes(client: ClientRecord, { resources }: Issuer): void {
  const known = registeredResources(client, resources.issuer).flatMap((id) => resources.find(id) ?? [])
  if (known.length === 0 || known.some(({ scope }) => scope === null)) return
  const names = known.map(({ id }) => id).join(', ')
  const ofIssuer = issuerResource(resources.issuer).scope ?? []
  const ofNoResource: readonly string[] = [OFFLINE_ACCESS, ...PERSON_SCOPES]
  const ofResources = client.scope.filter((value) => !ofNoResource.includes(value))
  for (const value of ofResources.filter((each) => !known.some(({ scope }) => scope?.includes(each)))) {
    note(
      ofIssuer.includes(value)
        ? `scope "${value}" is one of the issuer alone, which is not among the resources of this client: ${updateCommand(client.clientId, '--resource', [...client.resources, resources.issuer])}`
        : `scope "${value}" is not one of ${names}: no token will have it until signet resource update names it`,
    )
  }
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
  withClient(id, async ({ clientRegistry }) => answerClient(command, await clientRegistry.get(id)))

/** @throws Fault that names the client, if it does not exist. */
const withClient = (id: string, work: (issuer: Issuer) => Promise<void>): Promise<void> =>
  withIssuer(async (issuer) => {
    await requireNamedClient(id, issuer)
    await work(issuer)
  })

function answerClient(command: Command, client: ClientRecord): void {
  const metadata = clientMetadata(client)
  answer(command, metadata, () => forPeople(metadata))
}

async function update(
  id: string,
  { addRedirectUri = [], ...options }: MetadataOptions & { addRedirectUri?: string[] },
  command: Command,
): Promise<void> {
  const change = readChange(options)
  const isEmpty = Object.keys(change).length === 0 && addRedirectUri.length === 0
  if (isEmpty) throw new UsageError('nothing to change was given')
  const changing = addRedirectUri.length > 0 ? addRedirectUris(addRedirectUri, change) : change
  await withClient(id, async (issuer) =>
    tellRegistered(command, await issuer.clientRegistry.update(id, changing, BY_CLI), issuer),
  )
}

const rotateSecret = (id: string, { overlap }: { overlap: number }, command: Command): Promise<void> =>
  withClient(id, async (issuer) =>
    tellRegistered(command, await issuer.clientRegistry.rotateSecret(id, BY_CLI, overlap), issuer),
  )

const disable = (id: string, _options: object, command: Command): Promise<void> =>
  withClient(id, async ({ clientRegistry }) => answerClient(command, await clientRegistry.disable(id, BY_CLI)))

const enable = (id: string, _options: object, command: Command): Promise<void> =>
  withClient(id, async ({ clientRegistry }) => answerClient(command, await clientRegistry.enable(id, BY_CLI)))

const remove = (id: string, _options: object, command: Command): Promise<void> =>
  withClient(id, async ({ clientRegistry }) => {
    const client = await clientRegistry.get(id)
    await clientRegistry.delete(id, BY_CLI)
    answerClient(command, client)
    note(`client ${id} was deleted; its live tokens are denied`)
  })
