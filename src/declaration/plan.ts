/**
 * Plans a declarative file: compares each declaration with the facts of the database and tells the step that it needs.
 * The plan is a pure rule. It is made once for a dry run, and again inside the write, from the facts that stand there.
 */
import type { BroughtSecret, SecretJudgement } from '../clients/brought-secret.ts'
import {
  LEAST_BROUGHT_CHARACTERS,
  MOST_BROUGHT_CHARACTERS,
  newClient,
  requireSoundClient,
  usesSecret,
} from '../clients/client.ts'
import type { ClientChange } from '../clients/registration.ts'
import { CLIENT_FIELDS, clientMetadata } from '../clients/wire.ts'
import type { Instant } from '../ground/clock.ts'
import { Fault, OAuthError } from '../ground/errors.ts'
import { issuerIsBuiltIn } from '../resources/registration.ts'
import { blankResource, requireSoundResource } from '../resources/resource.ts'
import { RESOURCE_FIELDS, resourceMetadata } from '../resources/wire.ts'
import { digestOfKey, type ClientRecord, type ClientSecret, type EndedSecret } from '../store/records/client.ts'
import type { DeclaredClientFacts, DeclaredFacts, DeclaredResourceFacts } from '../store/records/declared.ts'
import {
  DISABLED,
  NEW_SECRET,
  differing,
  itemOf,
  stillEnded,
  takingOver,
  type Applied,
  type StillEnded,
} from './applied.ts'
import type { Declaration, DeclaredClient, DeclaredResource } from './file.ts'
import { planGroup, planUser } from './plan-people.ts'
import { findRemovals, planRemovals } from './prune.ts'
import type { Ended, Kept, Step } from './step.ts'

export type Plan = (Step | Ended | Kept)[]

/** Facts of an id that the database has never had. */
const NEVER_SEEN = { current: undefined, isEnded: false, endedSecrets: [], liveGrants: 0 }

const resourceFactsOf = ({ resources }: DeclaredFacts, id: string): DeclaredResourceFacts =>
  resources.get(id) ?? NEVER_SEEN

export const clientFactsOf = ({ clients }: DeclaredFacts, clientId: string): DeclaredClientFacts =>
  clients.get(clientId) ?? NEVER_SEEN

/**
 * @param issuer the issuer URL
 * @param secrets the secrets of the declared clients, by `client_id`
 * @param passwords hashes of the passwords of declared users, by user name
 * @throws Fault naming the line of the first declaration that cannot hold
 */
export function planDeclaration(
  declaration: Declaration,
  issuer: string,
  facts: DeclaredFacts,
  secrets: ReadonlyMap<string, BroughtSecret>,
  passwords: ReadonlyMap<string, string>,
): Plan {
  const { name } = declaration
  const removals = findRemovals(declaration, facts)
  const groupNames = namesAfter(
    facts.groupNames,
    removals.groups,
    declaration.groups.map((group) => group.name),
  )
  const known = namesAfter(facts.resourceIds, removals.resources, [
    issuer,
    ...declaration.resources.map(({ id }) => id),
  ])
  return [
    ...declaration.resources.map((declared) =>
      atPlace(declared.place, () => planResource(declared, { issuer, name }, facts)),
    ),
    ...declaration.clients.map((declared) =>
      atPlace(declared.place, () => planClient(declared, { known, name }, facts, secrets.get(declared.clientId))),
    ),
    ...declaration.groups.map((declared) => atPlace(declared.place, () => planGroup(declared, name, facts))),
    ...declaration.users.map((declared) =>
      atPlace(declared.place, () => planUser(declared, groupNames, facts, passwords.get(declared.username))),
    ),
    ...planRemovals(removals),
  ]
}

const namesAfter = (before: ReadonlySet<string>, removed: string[], declared: string[]): Set<string> =>
  new Set([...[...before].filter((name) => !removed.includes(name)), ...declared])

/** The steps of a plan. The declarations of ended records have none, nor have records that are kept. */
export const stepsOf = (plan: Plan): Step[] => plan.filter((each) => 'item' in each)

/** The changes of a plan, in the words of the file. */
export function appliedBy(plan: Plan, { prune }: { prune: boolean }): Applied {
  const items = (wanted: Step['outcome']) =>
    stepsOf(plan)
      .filter(({ outcome }) => outcome === wanted)
      .map(({ item }) => item)
  const ended = plan.flatMap((each) => ('kept' in each ? [] : (each.ended ?? [])))
  const kept = plan.flatMap((each) => ('kept' in each ? each.kept : []))
  return {
    created: items('created'),
    changed: items('changed'),
    left: items('left'),
    ...(prune && { removed: items('removed'), kept }),
    ...(ended.length > 0 && { ended }),
  }
}

function atPlace<T>(place: string, plan: () => T): T {
  try {
    return plan()
  } catch (error) {
    if (error instanceof OAuthError) throw new Fault(`${place}: ${error.message}`, 'nothing was applied')
    throw error
  }
}

function planResource(
  { id, change, place }: DeclaredResource,
  { issuer, name }: { issuer: string; name: string },
  facts: DeclaredFacts,
): Step | Ended {
  if (id === issuer) throw issuerIsBuiltIn()
  const { current, isEnded } = resourceFactsOf(facts, id)
  if (!current && isEnded) return { ended: stillEnded('resource', id, place) }
  const next = { ...(current ?? blankResource(id, facts.now)), ...change }
  requireSoundResource(next)
  const changes = current
    ? [...differing(RESOURCE_FIELDS, resourceMetadata(current), resourceMetadata(next)), ...takingOver(current, name)]
    : []
  const item = itemOf('resource', id, changes)
  if (!current)
    return {
      item,
      outcome: 'created',
      operations: ({ resourceRegistry, by }) => [resourceRegistry.creation(next, by)],
    }
  if (changes.length === 0) return { item, outcome: 'left', operations: () => [] }
  return {
    item,
    outcome: 'changed',
    operations: ({ resourceRegistry, by }) => [resourceRegistry.change(id, change, by)],
  }
}

function planClient(
  declared: DeclaredClient,
  { known: resourceIds, name }: { known: Set<string>; name: string },
  facts: DeclaredFacts,
  secret: BroughtSecret | undefined,
): Step | Ended {
  const { clientId, place } = declared
  const known = clientFactsOf(facts, clientId)
  const { current, isEnded, endedSecrets } = known
  if (!current && isEnded) return { ended: stillEnded('client', clientId, place) }
  const isKeyEnded = hasEndedKey(declared.change, endedSecrets)
  const change = isKeyEnded ? withoutEndedKeys(declared.change, endedSecrets, current) : declared.change
  // A new client cannot stand without a key.
  if (!current && change.jwks?.keys.length === 0) return { ended: stillEnded('jwks', clientId, place) }
  const next = current ? { ...current, ...change } : newClient(clientId, facts.now, change)
  requireSoundClient(next)
  requireSoundSecret(declared, next)
  requireKnownResources(declared, resourceIds, current)
  const planned = { declared, name, next, change, isKeyEnded, secret, now: facts.now }
  return current ? planChange(planned, { ...known, current }) : planCreation(planned, known)
}

/** `none`: the file names no secret. `uncompared`: the secret has to be compared first. */
type Judged = SecretJudgement | 'none' | 'uncompared'

interface PlannedClient {
  declared: DeclaredClient
  /** The name of the file. */
  name: string
  next: ClientRecord
  change: ClientChange
  isKeyEnded: boolean
  secret: BroughtSecret | undefined
  now: Instant
}

function planCreation(planned: PlannedClient, known: DeclaredClientFacts): Step {
  const { declared, next } = planned
  const { judged, record, isWaiting, ended } = judgeSecret(planned, known)
  return {
    item: {
      ...itemOf('client', declared.clientId, []),
      ...(known.liveGrants > 0 && { ended_grants: known.liveGrants }),
      ...(lacksSecret(judged, next) && { lacks_secret: true }),
    },
    outcome: 'created',
    isWaiting,
    ...(ended && { ended }),
    operations: ({ clientRegistry, by }) => [
      clientRegistry.creation({ ...next, secrets: record ? [record] : [] }, by),
      ...(declared.isDisabled ? [clientRegistry.disabling(declared.clientId, by)] : []),
    ],
  }
}

/** The judgement of the declared secret, and what it leaves to do and to tell. */
function judgeSecret(
  { declared, isKeyEnded, secret, now }: PlannedClient,
  known: DeclaredClientFacts,
): { judged: Judged; record: ClientSecret | undefined; isWaiting: boolean; ended: StillEnded | undefined } {
  const judged = declared.secret === undefined ? 'none' : (secret?.judge(known, now) ?? 'uncompared')
  const record = judged === 'new' ? secret?.recordAt(now) : undefined
  const kind = isKeyEnded ? 'jwks' : judged === 'ended' ? 'client_secret' : undefined
  return {
    judged,
    record,
    isWaiting: judged === 'uncompared' || (judged === 'new' && record === undefined),
    ended: kind && stillEnded(kind, declared.clientId, declared.place),
  }
}

function planChange(planned: PlannedClient, known: DeclaredClientFacts & { current: ClientRecord }): Step {
  const { declared, name, next, change } = planned
  const { clientId } = declared
  const { judged, record, isWaiting, ended } = judgeSecret(planned, known)
  const isDisabling = declared.isDisabled && known.current.disabledAt === null
  const changes = [
    ...differing(CLIENT_FIELDS, clientMetadata(known.current), clientMetadata(next)),
    ...(isDisabling ? [DISABLED] : []),
    ...takingOver(known.current, name),
  ]
  const item = {
    ...itemOf('client', clientId, judged === 'new' ? [...changes, NEW_SECRET] : changes),
    ...(lacksSecret(judged, next) && { lacks_secret: true }),
  }
  const step = { item, isWaiting, ...(ended && { ended }) }
  if (item.changes.length === 0) return { ...step, outcome: 'left', operations: () => [] }
  return {
    ...step,
    outcome: 'changed',
    operations: ({ clientRegistry, by }) => [
      clientRegistry.change(clientId, change, by).operation,
      ...(record ? [clientRegistry.secretAddition(clientId, record, by, 0)] : []),
      ...(isDisabling ? [clientRegistry.disabling(clientId, by)] : []),
    ],
  }
}

/** Whether an operator took one of the declared public keys from the client on purpose. */
const hasEndedKey = ({ jwks }: ClientChange, endedSecrets: EndedSecret[]): boolean =>
  jwks?.keys.some((key) => isEndedKey(key, endedSecrets)) ?? false

const isEndedKey = (key: Parameters<typeof digestOfKey>[0], endedSecrets: EndedSecret[]): boolean =>
  endedSecrets.some(({ digest }) => digest === digestOfKey(key))

/** A client that stands keeps the keys that it has. A new client gets those of the file that nobody ended. */
function withoutEndedKeys(
  { jwks, ...rest }: ClientChange,
  endedSecrets: EndedSecret[],
  current: ClientRecord | undefined,
): ClientChange {
  if (current || !jwks) return rest
  return { ...rest, jwks: { keys: jwks.keys.filter((key) => !isEndedKey(key, endedSecrets)) } }
}

/** A resource that the client has already, and that never was made or was deleted, is no new mistake. */
function requireKnownResources(
  { change, place }: DeclaredClient,
  known: Set<string>,
  current: ClientRecord | undefined,
): void {
  const missing = change.resources?.find((id) => !known.has(id) && !current?.resources.includes(id))
  if (missing === undefined) return
  throw new Fault(
    `${place}: resources: ${missing} is neither in this file nor in the database`,
    'declare it under resources',
  )
}

/** A client whose secret is missing is made without one: a generated secret would have to be printed. */
function requireSoundSecret({ clientId, secret, secretPlace: place }: DeclaredClient, next: ClientRecord): void {
  if (!usesSecret(next)) {
    if (secret === undefined) return
    throw new Fault(
      `${place}: client_secret: ${clientId} authenticates by ${next.tokenEndpointAuthMethod}`,
      'nothing was applied',
    )
  }
  if (secret !== undefined && (secret.length < LEAST_BROUGHT_CHARACTERS || secret.length > MOST_BROUGHT_CHARACTERS)) {
    throw new Fault(
      `${place}: client_secret: found ${secret.length} characters, accepted are ${LEAST_BROUGHT_CHARACTERS} to ${MOST_BROUGHT_CHARACTERS}`,
      'make one with: openssl rand -hex 32',
    )
  }
}

/** Whether a client would have no secret to authenticate by, and no file will give it one. */
const lacksSecret = (judged: Judged, next: ClientRecord): boolean =>
  (judged === 'none' || judged === 'ended') && usesSecret(next) && next.secrets.length === 0
