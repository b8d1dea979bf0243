/**
 * Applies a declarative file in one write: all of it or nothing. Records and fields that the file does not mention stay as
 * they are. A second application changes nothing.
 */
import type { BroughtSecret } from '../clients/brought-secret.ts'
import type { ClientRegistry } from '../clients/registration.ts'
import { Unavailable } from '../ground/errors.ts'
import type { DeclaredFacts, DeclaredIds } from '../store/records/declared.ts'
import type { Store } from '../store/store.ts'
import type { Applied } from './applied.ts'
import type { Declaration } from './file.ts'
import { appliedBy, clientFactsOf, planDeclaration, stepsOf, type Plan, type Registries } from './plan.ts'

interface Needs extends Registries {
  issuer: string
  clientRegistry: Registries['clientRegistry'] & Pick<ClientRegistry, 'brought'>
  store: Pick<Store, 'readDeclared' | 'applyDeclared'>
}

/** How often the secrets are prepared again because a client got another secret meanwhile. */
const MOST_TRIES = 10

const EMPTY: DeclaredFacts = { now: 0, resourceIds: new Set(), resources: new Map(), clients: new Map() }

/**
 * Plans a declaration before the first database is made, because a start that it stops leaves nothing behind.
 * @throws Fault as `applyDeclaration` does
 */
export function checkDeclaration(declaration: Declaration, issuer: string): void {
  planDeclaration(declaration, issuer, EMPTY, new Map())
}

/**
 * Applies a declaration, or tells what applying it would change.
 * @throws Fault naming the line of the first declaration that cannot hold; nothing has been done then
 * @throws Unavailable where the database cannot be written; nothing has been done then, unless it is `Unheard`
 */
export async function applyDeclaration(
  declaration: Declaration,
  needs: Needs,
  { dryRun }: { dryRun: boolean },
): Promise<Applied> {
  const { issuer, clientRegistry, store } = needs
  const ids = idsOf(declaration)
  const secrets = new Map(
    declaration.clients.flatMap(({ clientId, secret }) =>
      secret === undefined ? [] : [[clientId, clientRegistry.brought(secret)] as const],
    ),
  )
  const plan = (facts: DeclaredFacts): Plan => planDeclaration(declaration, issuer, facts, secrets)
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const facts = await store.readDeclared(ids)
    await prepareSecrets(plan(facts), facts, secrets, { dryRun })
    const outlook = plan(facts)
    if (dryRun || stepsOf(outlook).every(({ outcome }) => outcome === 'left')) return appliedBy(outlook)
    // The plan is made again inside the write, because an operator or another process may have changed a record since.
    const written = await store.applyDeclared(ids, (current) => withOperations(plan(current), needs))
    if (!written.isWaiting) return appliedBy(written.plan)
  }
  throw new Unavailable('the secrets of declared clients change faster than they can be compared')
}

const idsOf = ({ resources, clients }: Declaration): DeclaredIds => ({
  resources: resources.map(({ id }) => id),
  clients: clients.map(({ clientId }) => clientId),
})

/** Compares and hashes the secrets that steps wait for. A dry run stores none, so it hashes none. */
async function prepareSecrets(
  plan: Plan,
  facts: DeclaredFacts,
  secrets: ReadonlyMap<string, BroughtSecret>,
  { dryRun }: { dryRun: boolean },
): Promise<void> {
  for (const { item } of stepsOf(plan).filter(({ isWaiting }) => isWaiting)) {
    const secret = secrets.get(item.id)
    const known = clientFactsOf(facts, item.id)
    await secret?.compare(known, facts.now)
    if (!dryRun && secret?.judge(known, facts.now) === 'new') await secret.hash(facts.now)
  }
}

/** A plan with its operations. There are none while a secret has to be compared or hashed again. */
function withOperations(plan: Plan, registries: Registries) {
  const steps = stepsOf(plan)
  const isWaiting = steps.some((step) => step.isWaiting)
  return { plan, isWaiting, operations: isWaiting ? [] : steps.flatMap((step) => step.operations(registries)) }
}
