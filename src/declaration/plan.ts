/**
 * Plans a declarative file: compares each declaration with the facts of the database and tells the step that it needs.
 * The plan is a pure rule. It is made once for a dry run, and again inside the write, from the facts that stand there.
 */
import type { BroughtSecret } from '../clients/brought-secret.ts'
import { Fault, OAuthError } from '../ground/errors.ts'
import { shell } from '../ground/shell-word.ts'
import { issuerIsBuiltIn } from '../resources/registration.ts'
import { blankResource, requireSoundResource } from '../resources/resource.ts'
import { RESOURCE_FIELDS, resourceMetadata } from '../resources/wire.ts'
import type { DeclaredFacts, DeclaredResourceFacts } from '../store/records/declared.ts'
import { differing, itemOf, stillEnded, takingOver, type Applied } from './applied.ts'
import { findConflict } from './conflict.ts'
import type { Declaration, DeclaredResource } from './declaration.ts'
import { planClient } from './plan-client.ts'
import { planGroup, UserPlanner } from './plan-people.ts'
import { findRemovals, planRemovals } from './prune.ts'
import type { Conflict, Ended, Kept, Step } from './step.ts'

export type Plan = (Step | Ended | Conflict | Kept)[]

const NO_RESOURCE: DeclaredResourceFacts = { current: undefined, isEnded: false }

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
  const name = declaration.isNamed ? declaration.name : undefined
  const removals = findRemovals(declaration, facts)
  const groupNames = namesAfter(
    facts.groupNames,
    removals.groups,
    declaration.groups.map((group) => group.name),
  )
  const users = new UserPlanner(declaration, groupNames, facts)
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
      atPlace(declared.place, () => users.plan(declared, passwords.get(declared.username))),
    ),
    ...planRemovals(removals),
  ]
}

const namesAfter = (before: ReadonlySet<string>, removed: string[], declared: string[]): Set<string> =>
  new Set([...[...before].filter((name) => !removed.includes(name)), ...declared])

/** The steps of a plan. The declarations of ended records have none, nor have conflicts and records that are kept. */
export const stepsOf = (plan: Plan): Step[] => plan.filter((each) => 'item' in each)

/** The changes of a plan, in the words of the file. */
export function appliedBy(plan: Plan, { prune }: { prune: boolean }): Applied {
  const items = (wanted: Step['outcome']) =>
    stepsOf(plan)
      .filter(({ outcome }) => outcome === wanted)
      .map(({ item }) => item)
  const ended = plan.flatMap((each) => ('ended' in each ? (each.ended ?? []) : []))
  const conflicts = plan.flatMap((each) => ('conflict' in each ? (each.conflict ?? []) : []))
  const kept = plan.flatMap((each) => ('kept' in each ? each.kept : []))
  return {
    created: items('created'),
    changed: items('changed'),
    left: items('left'),
    ...(prune && { removed: items('removed'), kept }),
    ...(ended.length > 0 && { ended }),
    ...(conflicts.length > 0 && { conflicts }),
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
  { issuer, name }: { issuer: string; name: string | undefined },
  facts: DeclaredFacts,
): Step | Ended | Conflict {
  if (id === issuer) throw issuerIsBuiltIn(issuer)
  const { current, isEnded } = facts.resources.get(id) ?? NO_RESOURCE
  if (!current && isEnded) return { ended: [stillEnded('resource', id, place)] }
  const alone = { ...blankResource(id, facts.now), ...change }
  const next = current ? { ...current, ...change } : alone
  const conflict = findConflict({ kind: 'resource', id, place }, requireSoundResource, { alone, next })
  if (conflict) return { conflict: { ...conflict, fix: `${conflict.fix}: signet resource update ${shell(id)}` } }
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
