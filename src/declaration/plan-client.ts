/** Plans the clients of a declarative file, with the secrets and public keys that it brings. */
import type { BroughtSecret, SecretJudgement } from '../clients/brought-secret.ts'
import {
  LEAST_BROUGHT_CHARACTERS,
  MOST_BROUGHT_CHARACTERS,
  isOfPeopleByRedirect,
  isPublicClient,
  newClient,
  requireSoundClient,
  usesSecret,
} from '../clients/client.ts'
import type { ClientChange } from '../clients/client.ts'
import { CLIENT_FIELDS, clientMetadata } from '../clients/wire.ts'
import type { Instant } from '../ground/clock.ts'
import { Fault } from '../ground/errors.ts'
import { shell } from '../ground/shell-word.ts'
import { digestOfKey, type ClientRecord, type ClientSecret, type EndedSecret } from '../store/records/client.ts'
import type { DeclaredClientFacts, DeclaredFacts } from '../store/records/declared.ts'
import { DISABLED, NEW_SECRET, differing, itemOf, stillEnded, takingOver, type Unapplied } from './applied.ts'
import { findConflict } from './conflict.ts'
import type { DeclaredClient } from './declaration.ts'
import type { Conflict, Ended, Step } from './step.ts'

/** Facts of an id that the database has never had. */
const NEVER_SEEN = { current: undefined, isEnded: false, endedSecrets: [], liveGrants: 0, isUser: false }

export const clientFactsOf = ({ clients }: DeclaredFacts, clientId: string): DeclaredClientFacts =>
  clients.get(clientId) ?? NEVER_SEEN

/** The terms that a client is planned with, beside its declaration and the facts. */
interface Surroundings {
  /** The resources that are there, or that the file declares. */
  known: ReadonlySet<string>
  /** The name of the file, where it says one. */
  name: string | undefined
}

/**
 * The operations that bring a client to its declaration. There are none where an operator has ended the client, or where the
 * declaration is at odds with the record.
 */
export function planClient(
  declared: DeclaredClient,
  { known: resourceIds, name }: Surroundings,
  facts: DeclaredFacts,
  secret: BroughtSecret | undefined,
): Step | Ended | Conflict {
  const { clientId, place } = declared
  const known = clientFactsOf(facts, clientId)
  const { current, isEnded, endedSecrets } = known
  if (!current && isEnded) return { ended: [stillEnded('client', clientId, place)] }
  const isKeyEnded = hasEndedKey(declared.change, endedSecrets)
  const change = isKeyEnded ? withoutEndedKeys(declared.change, endedSecrets, current) : declared.change
  // A new client cannot stand without a key.
  if (!current && change.jwks?.keys.length === 0) return { ended: [stillEnded('jwks', clientId, place)] }
  const alone = newClient(clientId, facts.now, change)
  const next = current ? { ...current, ...change } : alone
  const requireSound = (client: ClientRecord) => {
    requireSoundClient(client)
    requireSoundSecret(declared, client)
  }
  const found = findConflict({ kind: 'client', id: clientId, place }, requireSound, {
    alone,
    next,
    left: leftOf(declared),
  })
  if (found) {
    const conflict = { ...found, fix: `${found.fix}: signet client update ${shell(clientId)}` }
    return planConflict({ declared, secret, now: facts.now }, known, conflict)
  }
  const endedResources = findEndedResources(declared, resourceIds, facts, current)
  const planned = { declared, name, next, change, isKeyEnded, endedResources, secret, now: facts.now }
  return current ? planChange(planned, { ...known, current }) : planCreation(planned, known)
}

const leftOf = ({ isDisabled, secret }: DeclaredClient): string => {
  if (isDisabled) return 'is disabled, and otherwise left as it is'
  return secret === undefined ? 'is left as it is' : 'is left as it is, but for the secret'
}

/**
 * A declaration that does not fit still ends what it ends: a new secret ends the former one, and `disabled` ends
 * everything.
 */
function planConflict(
  { declared, secret, now }: Pick<PlannedClient, 'declared' | 'secret' | 'now'>,
  known: DeclaredClientFacts,
  conflict: Unapplied,
): Step | Conflict {
  const { current } = known
  if (!current) return { conflict }
  const ending = usesSecret(current) ? declared : { ...declared, secret: undefined }
  const alike = { next: current, change: {}, name: undefined, isKeyEnded: false, endedResources: [] }
  const step = planChange({ ...alike, declared: ending, secret, now }, { ...known, current })
  return step.outcome === 'left' && !step.isWaiting ? { conflict } : { ...step, conflict }
}

/** `none`: the file names no secret. `uncompared`: the secret has to be compared first. */
type Judged = SecretJudgement | 'none' | 'uncompared'

interface PlannedClient {
  declared: DeclaredClient
  /** The name of the file, where it says one. */
  name: string | undefined
  next: ClientRecord
  change: ClientChange
  isKeyEnded: boolean
  endedResources: Unapplied[]
  secret: BroughtSecret | undefined
  now: Instant
}

function planCreation(planned: PlannedClient, known: DeclaredClientFacts): Step {
  const { declared, next, change } = planned
  const { judged, record, isWaiting, ended } = judgeSecret(planned, known)
  return {
    item: {
      ...itemOf('client', declared.clientId, []),
      ...(known.liveGrants > 0 && { ended_grants: known.liveGrants }),
      ...(known.isUser && { disabled_user: true }),
      ...(lacksSecret(judged, next) && { lacks_secret: true }),
      // A public client can be no service.
      ...(isOfPeopleByRedirect(change) && !isPublicClient(next) && { grant_by_redirect: true }),
    },
    outcome: 'created',
    isWaiting,
    ended,
    operations: ({ clientRegistry, by }) => [
      clientRegistry.creation({ ...next, secrets: record ? [record] : [] }, by),
      ...(declared.isDisabled ? [clientRegistry.disabling(declared.clientId, by)] : []),
    ],
  }
}

/** The judgement of the declared secret, and what it leaves to do and to tell. */
function judgeSecret(
  { declared, isKeyEnded, endedResources, secret, now }: PlannedClient,
  known: DeclaredClientFacts,
): { judged: Judged; record: ClientSecret | undefined; isWaiting: boolean; ended: Unapplied[] } {
  const judged = declared.secret === undefined ? 'none' : (secret?.judge(known, now) ?? 'uncompared')
  const record = judged === 'new' ? secret?.recordAt(now) : undefined
  const kind = isKeyEnded ? 'jwks' : judged === 'ended' || judged === 'leaving' ? 'client_secret' : undefined
  return {
    judged,
    record,
    isWaiting: judged === 'uncompared' || (judged === 'new' && record === undefined),
    ended: [...(kind ? [stillEnded(kind, declared.clientId, declared.place)] : []), ...endedResources],
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
  const step = { item, isWaiting, ended }
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

/**
 * The resources of the client that an operator deleted and the file does not declare. They stay on its list, where they
 * give nothing: a client without any resource might ask for tokens of the issuer.
 * @throws Fault for a resource that never was, unless the client has it already
 */
function findEndedResources(
  { change, place }: DeclaredClient,
  known: ReadonlySet<string>,
  { resources }: DeclaredFacts,
  current: ClientRecord | undefined,
): Unapplied[] {
  const missing = change.resources?.filter((id) => !known.has(id)) ?? []
  const ended = missing.filter((id) => resources.get(id)?.isEnded)
  const unknown = missing.find((id) => !ended.includes(id) && !current?.resources.includes(id))
  if (unknown !== undefined)
    throw new Fault(
      `${place}: resources: ${unknown} is neither in this file nor in the database`,
      'declare it under resources',
    )
  return ended.map((id) => stillEnded('resource', id, place))
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
