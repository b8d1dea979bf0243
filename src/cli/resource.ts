/** `signet resource …`: the APIs that accept tokens. */
import { BY_CLI } from '../audit.ts'
import type { Command } from 'commander'
import { endpointUrl } from '../http/endpoint-url.ts'
import { toIso } from '../ground/clock.ts'
import { Fault } from '../ground/errors.ts'
import { shell } from '../ground/shell-word.ts'
import { blankResource, keySetPath, requireSoundResource, ringOf } from '../resources/resource.ts'
import { RESOURCE_FIELDS, resourceChangeSchema, resourceMetadata, toResourceChange } from '../resources/wire.ts'
import { describeHolders } from '../resources/registration.ts'
import type { ResourceChange } from '../resources/resource.ts'
import type { Issuer } from '../issuer.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import { mayMakeDatabase, withIssuer, withIssuerOrNew } from './open-issuer.ts'
import { readMetadata, withMetadata, type MetadataOptions } from './metadata.ts'
import { withNamed } from './named.ts'
import { answer, answerDone, fieldList, note, table } from './output.ts'
import { defineGuardSnippet } from './snippet.ts'
import { subcommand, withExample } from './subcommand.ts'
import { UsageError, requireSound } from './usage.ts'

export function defineResource(resource: Command): void {
  withExample(resource, 'create https://orders.example --scope "orders:read"')
  const creation = subcommand(
    resource,
    'create',
    'add a resource',
    'create https://orders.example --scope "orders:read orders:write" --alg RS256',
  ).argument('<id>', 'an absolute URI or a plain name; it becomes aud')
  mayMakeDatabase(withMetadata(creation, RESOURCE_FIELDS)).action(create)
  subcommand(resource, 'list', 'all resources', 'list').action(list)
  subcommand(resource, 'show <id>', 'one resource', 'show https://orders.example').action(show)
  const change = subcommand(
    resource,
    'update <id>',
    'replace the fields that are given; the others stay',
    'update https://orders.example --ttl 5m',
  )
  withMetadata(change, RESOURCE_FIELDS).action(update)
  subcommand(
    resource,
    'delete <id>',
    'delete a resource; its tokens are inactive at introspection from then on',
    'delete https://orders.example',
  )
    .option('--force', 'take it off the lists of the clients that have it')
    .action(remove)
  defineGuardSnippet(resource)
}

const readChange = (options: MetadataOptions): ResourceChange =>
  toResourceChange(readMetadata(options, RESOURCE_FIELDS, resourceChangeSchema))

async function create(id: string, options: MetadataOptions, command: Command): Promise<void> {
  const change = readChange(options)
  requireSound(() => requireSoundResource({ ...blankResource(id, 0), ...change }))
  await withIssuerOrNew(command, async (issuer) => {
    const resource = await issuer.resourceRegistry.create(id, change, BY_CLI)
    const step = `a client for it: signet client create --resource ${shell(id)}`
    answerDone(command, resourceMetadata(resource), `resource ${id} was made; ${step}`)
    noteKeySet(resource, issuer)
  })
}

function noteKeySet(resource: ResourceRecord, { issuer }: Pick<Issuer, 'issuer'>): void {
  if (resource.ownKeys) note(`its keys are published at ${endpointUrl(issuer, keySetPath(resource.id))}`)
}

const list = (_options: object, command: Command): Promise<void> =>
  withIssuer(async ({ resourceRegistry }) => {
    const resources = (await resourceRegistry.list()).map(resourceMetadata)
    const rows = resources.map(({ id, alg, typ, ttl, scope }) => [id, alg, typ, ttl, scope])
    answer(command, resources, () =>
      table(['ID', 'ALG', 'TYP', 'TTL', 'SCOPE'], rows, 'no resources yet; make one with: signet resource create ID'),
    )
  })

const show = (id: string, _options: object, command: Command): Promise<void> =>
  withNamed('resource', id, async (issuer) => {
    const resource = await issuer.resourceRegistry.get(id)
    const metadata = resourceMetadata(resource)
    answer(command, metadata, () => fieldList(metadata))
    noteKeySet(resource, issuer)
  })

async function update(id: string, options: MetadataOptions, command: Command): Promise<void> {
  const change = readChange(options)
  if (Object.keys(change).length === 0) throw new UsageError('nothing to change was given')
  await withNamed('resource', id, async (issuer) => {
    const before = await issuer.resourceRegistry.get(id)
    const resource = await issuer.resourceRegistry.update(id, change, BY_CLI)
    // Published at once, because the time until the first own key signs begins then.
    if (resource.ownKeys) await issuer.keys.ensure(ringOf(resource))
    answerDone(command, resourceMetadata(resource), `resource ${id} was changed`)
    noteKeySet(resource, issuer)
    noteChangeOfKeys(before, resource, issuer)
  })
}

/** Says which keys sign after a change, where verifiers have cached the key set of before. */
function noteChangeOfKeys(before: ResourceRecord, { id, ownKeys, ...now }: ResourceRecord, issuer: Issuer): void {
  if (before.ownKeys && !ownKeys)
    note(
      `the issuer's keys sign its tokens now: verifiers that have cached its key set refuse them until they fetch it again, up to ${issuer.config.jwksMaxAgeSeconds} s; its own keys stay there until their last token has ended`,
    )
  const ring = ringOf({ ...now, id, ownKeys })
  const from = issuer.rotation.due(ring)
  if (ownKeys && from !== undefined && issuer.keys.ringThatSigns(ring) !== ring)
    note(
      `the issuer's keys sign its tokens until ${toIso(from)}, so that every verifier knows its first own key by then; at once: signet key rotate --resource ${shell(id)} --emergency`,
    )
}

const remove = (id: string, { force = false }: { force?: boolean }, command: Command): Promise<void> =>
  withNamed('resource', id, async ({ resourceRegistry }) => {
    const metadata = resourceMetadata(await resourceRegistry.get(id))
    const { outcome, holders } = await resourceRegistry.delete(id, BY_CLI, { force })
    if (outcome === 'in_use')
      throw new Fault(
        describeHolders(id, holders),
        `to take it off their lists as well: signet resource delete ${shell(id)} --force`,
      )
    const taken = holders.length > 0 ? `, and taken off the list of ${holders.join(', ')}` : ''
    answerDone(command, metadata, `resource ${id} was deleted${taken}`)
    note('verifiers that check alone accept its tokens until they expire')
  })
