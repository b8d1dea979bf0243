/** `signet resource …`: the APIs that accept tokens. */
import { BY_CLI } from '../audit.ts'
import type { Command } from 'commander'
import { endpointUrl } from '../http/endpoint-url.ts'
import { Fault } from '../ground/errors.ts'
import { shell } from '../ground/shell-word.ts'
import { blankResource, keySetPath, requireSoundResource } from '../resources/resource.ts'
import { RESOURCE_FIELDS, resourceChangeSchema, resourceMetadata, toResourceChange } from '../resources/wire.ts'
import { describeHolders, type ResourceChange } from '../resources/registration.ts'
import type { Issuer } from '../issuer.ts'
import type { ResourceRecord } from '../store/records/resource.ts'
import { mayMakeDatabase, withIssuer, withIssuerOrNew } from './open-issuer.ts'
import { readMetadata, withMetadata, type MetadataOptions } from './metadata.ts'
import { requireNamed } from './named.ts'
import { answer, answerDone, fieldList, note, table } from './output.ts'
import { defineGuardSnippet } from './snippet.ts'
import { UsageError, requireSound } from './usage.ts'

export function defineResource(resource: Command): void {
  resource.addHelpText('after', example('create https://orders.example --scope "orders:read"'))
  const command = resource.command('create').argument('<id>', 'an absolute URI or a plain name; it becomes aud')
  mayMakeDatabase(withMetadata(command, RESOURCE_FIELDS))
    .description('add a resource')
    .addHelpText('after', example('create https://orders.example --scope "orders:read orders:write" --alg RS256'))
    .action(create)
  resource.command('list').description('all resources').addHelpText('after', example('list')).action(list)
  resource
    .command('show')
    .argument('<id>')
    .description('one resource')
    .addHelpText('after', example('show https://orders.example'))
    .action(show)
  withMetadata(resource.command('update').argument('<id>'), RESOURCE_FIELDS)
    .description('replace the fields that are given; the others stay')
    .addHelpText('after', example('update https://orders.example --ttl 5m'))
    .action(update)
  resource
    .command('delete')
    .argument('<id>')
    .description('delete a resource; its tokens are inactive at introspection from then on')
    .option('--force', 'take it off the lists of the clients that have it')
    .addHelpText('after', example('delete https://orders.example'))
    .action(remove)
  defineGuardSnippet(resource)
}

const example = (line: string): string => `\nExample:\n  signet resource ${line}`

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
  withResource(id, async (issuer) => {
    const resource = await issuer.resourceRegistry.get(id)
    const metadata = resourceMetadata(resource)
    answer(command, metadata, () => fieldList(metadata))
    noteKeySet(resource, issuer)
  })

/** @throws Fault that names the resource, if it does not exist. */
const withResource = (id: string, work: (issuer: Issuer) => Promise<void>): Promise<void> =>
  withIssuer(async (issuer) => {
    const known = (await issuer.resourceRegistry.list()).map((each) => each.id)
    requireNamed('resource', id, known)
    await work(issuer)
  })

async function update(id: string, options: MetadataOptions, command: Command): Promise<void> {
  const change = readChange(options)
  if (Object.keys(change).length === 0) throw new UsageError('nothing to change was given')
  await withResource(id, async (issuer) => {
    const resource = await issuer.resourceRegistry.update(id, change, BY_CLI)
    answerDone(command, resourceMetadata(resource), `resource ${id} was changed`)
    noteKeySet(resource, issuer)
  })
}

const remove = (id: string, { force = false }: { force?: boolean }, command: Command): Promise<void> =>
  withResource(id, async ({ resourceRegistry }) => {
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
