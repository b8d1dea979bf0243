/**
 * Applies a declarative file: it compares each declaration with the database, then creates, changes or leaves the record.
 * Records and fields that the file does not mention stay as they are. A second application changes nothing.
 */
import { isDeepStrictEqual } from 'node:util'
import { BY_CONFIG } from '../audit.ts'
import {
  LEAST_BROUGHT_CHARACTERS,
  MOST_BROUGHT_CHARACTERS,
  blankClient,
  requireSoundClient,
  usesSecret,
} from '../clients/client.ts'
import { clientMetadata } from '../clients/wire.ts'
import type { Declaration, DeclaredClient, DeclaredResource } from './file.ts'
import { Fault, OAuthError } from '../ground/errors.ts'
import { issuerIsBuiltIn } from '../resources/registration.ts'
import { blankResource, requireSoundResource } from '../resources/resource.ts'
import { resourceMetadata } from '../resources/wire.ts'
import type { ClientRegistry } from '../clients/registration.ts'
import type { ResourceRegistry } from '../resources/registration.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { Store } from '../store/store.ts'

/** A value before and after, in the words of the file. */
export interface AppliedChange {
  field: string
  from: unknown
  to: unknown
}

export interface AppliedItem {
  kind: 'resource' | 'client'
  id: string
  /** Fields that differ, for a change. */
  fields: string[]
  /** The same with their values; of a secret only that it is replaced. */
  changes: AppliedChange[]
  /** Live grants of a person who has a new client's id as `sub`: the operator wins the name, and they end. */
  ended_grants?: number
}

/** A client, resource or secret that an operator ended and the file still names: it stays ended. */
export interface StillEnded {
  kind: 'resource' | 'client' | 'client_secret' | 'jwks'
  id: string
  /** File and line. */
  place: string
  /** The step that helps. */
  fix: string
}

/** The changes that were made, or would be. */
export interface Applied {
  created: AppliedItem[]
  changed: AppliedItem[]
  left: AppliedItem[]
  /** Only where there is something. */
  ended?: StillEnded[]
}

interface Step {
  item: AppliedItem
  outcome: Exclude<keyof Applied, 'ended'>
  ended?: StillEnded
  run(): Promise<unknown>
}

/** A declaration that is not applied, because an operator ended the declared record. */
interface Ended {
  ended: StillEnded
}

interface Registries {
  issuer: string
  resourceRegistry: Pick<ResourceRegistry, 'list' | 'create' | 'update'>
  clientRegistry: Pick<ClientRegistry, 'bringSecret' | 'create' | 'hasEndedKey' | 'update' | 'weighSecret'>
  store: Pick<Store, 'findResource' | 'findClient' | 'findSubject' | 'isEnded'>
}

const never = () => Promise.reject(new Error('a plan registers nothing'))

/** A database that is not made yet. */
const NOTHING: Omit<Registries, 'issuer'> = {
  resourceRegistry: { list: () => Promise.resolve([]), create: never, update: never },
  clientRegistry: { create: never, update: never, weighSecret: never, bringSecret: never, hasEndedKey: never },
  store: {
    findResource: () => Promise.resolve(undefined),
    findClient: () => Promise.resolve(undefined),
    findSubject: () => Promise.resolve(undefined),
    isEnded: () => Promise.resolve(false),
  },
}

/**
 * Plans a declaration before the first database is made, because a start that it stops leaves nothing behind.
 * @throws Fault as `applyDeclaration` does
 */
export async function checkDeclaration(declaration: Declaration, issuer: string): Promise<void> {
  await applyDeclaration(declaration, { issuer, ...NOTHING }, { dryRun: true })
}

/** @throws Fault naming the line of the first declaration that cannot hold; nothing has been done then. */
export async function applyDeclaration(
  declaration: Declaration,
  registries: Registries,
  { dryRun }: { dryRun: boolean },
): Promise<Applied> {
  const known = new Set([
    registries.issuer,
    ...declaration.resources.map(({ id }) => id),
    ...(await registries.resourceRegistry.list()).map(({ id }) => id),
  ])
  // All steps are planned, and so checked, before the first is taken.
  const steps: (Step | Ended)[] = []
  for (const resource of declaration.resources)
    steps.push(await atPlace(resource.place, () => planResource(resource, registries)))
  for (const client of declaration.clients)
    steps.push(await atPlace(client.place, () => planClient(client, known, registries)))

  const applied: Applied = { created: [], changed: [], left: [] }
  for (const step of steps) {
    if (step.ended) (applied.ended ??= []).push(step.ended)
    if (!('run' in step)) continue
    if (!dryRun) await step.run()
    applied[step.outcome].push(step.item)
  }
  return applied
}

/** How an operator brings back an ended record. The file never does. */
const REVIVED_BY = {
  resource: (id: string) =>
    `an operator deleted resource ${id}; take it out of the file, or bring it back with: signet resource create ${id}`,
  client: (id: string) =>
    `an operator deleted client ${id}; take it out of the file, or bring it back with: signet client create --id ${id}`,
  jwks: (id: string) => `an operator took a key of jwks from client ${id}; take that key out of the file`,
  client_secret: (id: string) =>
    `an operator ended this secret of client ${id}; put the new one where client_secret points to, or take client_secret out of the file`,
}

const stillEnded = (kind: StillEnded['kind'], id: string, place: string): StillEnded => ({
  kind,
  id,
  place,
  fix: REVIVED_BY[kind](id),
})

async function atPlace<T>(place: string, plan: () => Promise<T>): Promise<T> {
  try {
    return await plan()
  } catch (error) {
    if (error instanceof OAuthError) throw new Fault(`${place}: ${error.message}`, 'nothing was applied')
    throw error
  }
}

async function planResource(
  { id, change, place }: DeclaredResource,
  { issuer, resourceRegistry, store }: Registries,
): Promise<Step | Ended> {
  if (id === issuer) throw issuerIsBuiltIn()
  const current = await store.findResource(id)
  if (!current && (await store.isEnded('resource', id))) return { ended: stillEnded('resource', id, place) }
  requireSoundResource({ ...(current ?? blankResource(id, 0)), ...change })
  const changes = current ? differing(resourceMetadata(current), resourceMetadata({ ...current, ...change })) : []
  const item = itemOf('resource', id, changes)
  if (!current) return { item, outcome: 'created', run: () => resourceRegistry.create(id, change, BY_CONFIG) }
  if (changes.length === 0) return { item, outcome: 'left', run: async () => {} }
  return { item, outcome: 'changed', run: () => resourceRegistry.update(id, change, BY_CONFIG) }
}

async function planClient(
  declared: DeclaredClient,
  known: Set<string>,
  { clientRegistry, store }: Registries,
): Promise<Step | Ended> {
  const { clientId, secret, place } = declared
  const current = await store.findClient(clientId)
  if (!current && (await store.isEnded('client', clientId))) return { ended: stillEnded('client', clientId, place) }
  const declaredKeys = declared.change.jwks?.keys ?? []
  const isKeyEnded = current !== undefined && (await clientRegistry.hasEndedKey(clientId, declaredKeys))
  const { jwks, ...rest } = declared.change
  const change = isKeyEnded || jwks === undefined ? rest : { ...rest, jwks }
  const next = { ...(current ?? blankClient(clientId, 0)), ...change }
  requireSoundClient(next)
  requireSecret(declared, next, current)
  const missing = change.resources?.find((id) => !known.has(id))
  if (missing !== undefined)
    throw new Fault(
      `${place}: resources: ${missing} is neither in this file nor in the database`,
      'declare it under resources',
    )

  const weight = secret !== undefined && current ? await clientRegistry.weighSecret(clientId, secret) : undefined
  const newSecret = weight === 'new'
  const kind = isKeyEnded ? 'jwks' : weight === 'ended' ? 'client_secret' : undefined
  const ended = kind ? { ended: stillEnded(kind, clientId, place) } : {}
  const changes = current ? differing(clientMetadata(current), clientMetadata(next)) : []
  const item = itemOf('client', clientId, newSecret ? [...changes, NEW_SECRET] : changes)
  if (!current) {
    const run = () => clientRegistry.create({ clientId, broughtSecret: secret, ...change }, BY_CONFIG)
    const endedGrants = (await store.findSubject(clientId))?.liveGrants ?? 0
    return { item: { ...item, ...(endedGrants > 0 && { ended_grants: endedGrants }) }, outcome: 'created', run }
  }
  if (item.changes.length === 0) return { item, outcome: 'left', ...ended, run: async () => {} }
  const run = async () => {
    await clientRegistry.update(clientId, change, BY_CONFIG)
    if (newSecret && secret !== undefined) await clientRegistry.bringSecret(clientId, secret, BY_CONFIG)
  }
  return { item, outcome: 'changed', ...ended, run }
}

/** Applying a file never generates a secret, because the secret would have to be printed. */
function requireSecret(
  { clientId, secret, place }: DeclaredClient,
  next: ClientRecord,
  current: ClientRecord | undefined,
): void {
  if (!usesSecret(next)) {
    if (secret !== undefined)
      throw new Fault(
        `${place}: client_secret: ${clientId} authenticates by ${next.tokenEndpointAuthMethod}`,
        'nothing was applied',
      )
    return
  }
  if (secret !== undefined && (secret.length < LEAST_BROUGHT_CHARACTERS || secret.length > MOST_BROUGHT_CHARACTERS)) {
    throw new Fault(
      `${place}: client_secret: found ${secret.length} characters, accepted are ${LEAST_BROUGHT_CHARACTERS} to ${MOST_BROUGHT_CHARACTERS}`,
      'make one with: openssl rand -hex 32',
    )
  }
  if (secret === undefined && (current?.secrets.length ?? 0) === 0) {
    throw new Fault(
      `${place}: client_secret is missing for ${clientId}`,
      'add client_secret: { env: VARIABLE } or { file: PATH }, or create the client by signet client create first',
    )
  }
}

/** A brought secret replaces all earlier secrets at once; a rotation leaves an overlap. */
const NEW_SECRET: AppliedChange = {
  field: 'client_secret',
  from: 'the one before, refused from now on without overlap',
  to: 'the one of the file',
}

const itemOf = (kind: AppliedItem['kind'], id: string, changes: AppliedChange[]): AppliedItem => ({
  kind,
  id,
  fields: changes.map(({ field }) => field),
  changes,
})

/** Lists whose order has no meaning. In `resources` it has: the first is the default. */
const SETS = new Set(['scope', 'grant_types', 'redirect_uris', 'allowed_claims'])

/** The fields that would change, in the words of the file. */
function differing(before: Record<string, unknown>, after: Record<string, unknown>): AppliedChange[] {
  return Object.keys(after)
    .filter((field) => !isDeepStrictEqual(comparable(field, before[field]), comparable(field, after[field])))
    .map((field) => ({ field, from: before[field] ?? null, to: after[field] ?? null }))
}

function comparable(field: string, value: unknown): unknown {
  if (!SETS.has(field)) return value
  const words = typeof value === 'string' ? value.split(' ') : value
  return Array.isArray(words) ? words.toSorted() : words
}
