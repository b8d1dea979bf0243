/**
 * Applies a declarative file in one write: all of it or nothing. Records and fields that the file does not mention stay as
 * they are. A second application changes nothing.
 */
import { byFile, type AuditTrail } from '../audit.ts'
import type { BroughtSecret } from '../clients/brought-secret.ts'
import type { ClientRegistry } from '../clients/registration.ts'
import { Fault, OAuthError, Unavailable } from '../ground/errors.ts'
import type { PasswordQueue } from '../ground/hash-queue.ts'
import type { DeclaredFacts, DeclaredIds } from '../store/records/declared.ts'
import { BUILT_IN_GROUP } from '../store/records/user.ts'
import type { Store } from '../store/store.ts'
import type { Passwords } from '../users/password.ts'
import type { Applied } from './applied.ts'
import type { Declaration } from './declaration.ts'
import { appliedBy, planDeclaration, stepsOf, type Plan } from './plan.ts'
import { clientFactsOf } from './plan-client.ts'
import type { Registries } from './step.ts'

/** The parts that groups and users of a file need. */
type OfPeople = Pick<Registries, 'groupOperations' | 'userOperations'> & {
  passwords: Pick<Passwords, 'requireGood' | 'hash'>
}

interface Needs extends Omit<Registries, keyof OfPeople | 'by'> {
  issuer: string
  audit: AuditTrail
  hashQueue: PasswordQueue
  config: ConstructorParameters<typeof Passwords>[1]
  clientRegistry: Registries['clientRegistry'] & Pick<ClientRegistry, 'brought'>
  store: Pick<Store, 'readDeclared' | 'applyDeclared'>
}

/** How often the secrets are prepared again because a client got another secret meanwhile. */
const MOST_TRIES = 10

const EMPTY: DeclaredFacts = {
  now: 0,
  resourceIds: new Set(),
  resources: new Map(),
  clients: new Map(),
  groupNames: new Set([BUILT_IN_GROUP.name]),
  groups: new Map(),
  users: new Map(),
}

/**
 * Plans a declaration before the first database is made, because a start that it stops leaves nothing behind.
 * @throws Fault as `applyDeclaration` does
 */
export function checkDeclaration(declaration: Declaration, issuer: string): void {
  planDeclaration(declaration, issuer, EMPTY, new Map(), new Map())
}

/**
 * Applies a declaration, or tells what applying it would change. With `prune` it also removes what a file made before and
 * this one names no more.
 * @throws Fault naming the line of the first declaration that cannot hold; nothing has been done then
 * @throws Unavailable where the database cannot be written; nothing has been done then, unless it is `Unheard`
 */
export async function applyDeclaration(
  declaration: Declaration,
  needs: Needs,
  { dryRun, prune = false }: { dryRun: boolean; prune?: boolean },
): Promise<Applied> {
  const { issuer, clientRegistry, store } = needs
  const ids = { ...idsOf(declaration), isWithStanding: prune }
  const secrets = new Map(
    declaration.clients.flatMap(({ clientId, secret }) =>
      secret === undefined ? [] : [[clientId, clientRegistry.brought(secret)] as const],
    ),
  )
  const hashes = new Map<string, string>()
  const ofPeople = await loadOfPeople(declaration, needs, { prune })
  const plan = (facts: DeclaredFacts): Plan => planDeclaration(declaration, issuer, facts, secrets, hashes)
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const facts = await store.readDeclared(ids)
    await prepareSecrets(plan(facts), facts, secrets, { dryRun })
    await preparePasswords(declaration, plan(facts), hashes, ofPeople.passwords, { dryRun })
    const outlook = plan(facts)
    if (dryRun || stepsOf(outlook).every(({ outcome }) => outcome === 'left')) return appliedBy(outlook, { prune })
    // The plan is made again inside the write, because an operator or another process may have changed a record since.
    const written = await store.applyDeclared(ids, (current) =>
      withOperations(plan(current), { ...needs, ...ofPeople, by: byFile(declaration.name) }),
    )
    if (!written.isWaiting) return appliedBy(written.plan, { prune })
  }
  throw new Unavailable('the secrets of declared clients change faster than they can be compared')
}

const none = (): never => {
  throw new Error('the file names nobody')
}

/** For a file of services alone. */
const NOBODY: OfPeople = {
  groupOperations: { creation: none, change: none, deletion: none },
  userOperations: { creation: none, change: none },
  passwords: { requireGood: none, hash: none },
}

/** Loaded for a file that names people: an issuer of services loads nothing of them. */
async function loadOfPeople(
  { groups, users }: Declaration,
  { audit, hashQueue, config }: Needs,
  { prune }: { prune: boolean },
): Promise<OfPeople> {
  if (groups.length === 0 && users.length === 0 && !prune) return NOBODY
  const [{ GroupOperations }, { UserOperations }, { Passwords: Made }] = await Promise.all([
    import('../users/group.ts'),
    import('../users/operations.ts'),
    import('../users/password.ts'),
  ])
  return {
    groupOperations: new GroupOperations(audit),
    userOperations: new UserOperations(audit),
    passwords: new Made(hashQueue, config),
  }
}

const idsOf = ({ resources, clients, groups, users }: Declaration): DeclaredIds => ({
  ...((groups.length > 0 || users.length > 0) && {
    groups: uniqueOf([...groups.map(({ name }) => name), ...users.flatMap(({ change }) => change.groups ?? [])]),
    users: users.map(({ username, id, change: { email } }) => ({ username, id, email })),
  }),
  resources: uniqueOf([...resources.map(({ id }) => id), ...clients.flatMap(({ change }) => change.resources ?? [])]),
  clients: clients.map(({ clientId }) => clientId),
})

const uniqueOf = (names: string[]): string[] => [...new Set(names)]

/** Compares and hashes the secrets that steps wait for. A dry run stores none, so it hashes none. */
async function prepareSecrets(
  plan: Plan,
  facts: DeclaredFacts,
  secrets: ReadonlyMap<string, BroughtSecret>,
  { dryRun }: { dryRun: boolean },
): Promise<void> {
  for (const { item } of stepsOf(plan).filter(({ isWaiting, item: { kind } }) => isWaiting && kind === 'client')) {
    const secret = secrets.get(item.id)
    const known = clientFactsOf(facts, item.id)
    await secret?.compare(known, facts.now)
    if (!dryRun && secret?.judge(known, facts.now) === 'new') await secret.hash(facts.now)
  }
}

/** Hashes the passwords that steps wait for. A dry run judges them, and hashes none. */
async function preparePasswords(
  { users }: Declaration,
  plan: Plan,
  hashes: Map<string, string>,
  passwords: OfPeople['passwords'],
  { dryRun }: { dryRun: boolean },
): Promise<void> {
  const waiting = stepsOf(plan).filter(({ isWaiting, item: { kind } }) => isWaiting && kind === 'user')
  for (const { item } of waiting) {
    const declared = users.find(({ username }) => username === item.id)
    if (declared?.password === undefined) continue
    const { username, password, place, change } = declared
    try {
      await passwords.requireGood(password, { username, email: change.email ?? null, name: change.name ?? null })
    } catch (error) {
      if (error instanceof OAuthError) throw new Fault(`${place}: ${error.message}`, 'nothing was applied')
      throw error
    }
    if (!dryRun) hashes.set(username, await passwords.hash(password, ''))
  }
}

/** A plan with its operations. There are none while a secret has to be compared or hashed again. */
function withOperations(plan: Plan, registries: Registries) {
  const steps = stepsOf(plan)
  const isWaiting = steps.some((step) => step.isWaiting)
  return { plan, isWaiting, operations: isWaiting ? [] : steps.flatMap((step) => step.operations(registries)) }
}
