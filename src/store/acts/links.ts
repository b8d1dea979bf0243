/** Links that are sent to people: invitations, and one-time sign-in links. The act that a link allows also takes the link. */
import { find, select, time, update, type Act, type Engine } from '../engine.ts'
import type { LinkStore } from '../people-store.ts'
import { oneTimeValues } from '../tables/people.ts'
import type { Recording } from '../records/audit.ts'
import type { Page } from '../records/facts.ts'
import { isOfKind, type LinkKind, type OneTimeRecord } from '../records/one-time.ts'
import type { Person } from '../records/user.ts'
import { record } from './audit.ts'
import { addOneTime, endOneTime, findOneTime, isUsable } from './one-time.ts'
import { findPerson } from './people-rows.ts'

type Invitation = OneTimeRecord<'invitation'>

const isInvitation = isOfKind('invitation')

export const linkVerbs = (engine: Engine): LinkStore => ({
  // Alone: of two that are made at once, none would see and end the other.
  addLink: (link, event, judge) => engine.act(() => add(link, event, judge), 'exclusive'),
  findLink: (kind, hash) => engine.read(() => findOneTime(kind, hash)),
  listInvitations: (page) => engine.read(() => list(page)),
  revokeInvitation: (id, event) => engine.act(() => revoke(id, event)),
})

/** A newer link of a kind for a person ends the older ones. */
function* add(
  link: OneTimeRecord<LinkKind>,
  event: Recording,
  judge: ((person: Person) => void) | undefined,
): Act<'added' | 'unknown'> {
  const { kind, owner } = link
  if (owner !== '') {
    const person = yield* findPerson({ id: owner })
    if (!person) return 'unknown'
    judge?.(person)
    yield* endOneTime(kind, owner)
  }
  yield* addOneTime(link)
  yield* record(event)
  return 'added'
}

/** Those that can be used, in the order of their ids. */
function* list({ after = '', limit }: Page): Act<Invitation[]> {
  const now = yield* time()
  const found: Invitation[] = []
  let from = after
  while (found.length < limit) {
    const rows = yield* select(oneTimeValues, { where: { kind: 'invitation' }, orderBy: 'id', after: from, limit })
    found.push(...rows.filter(isInvitation).filter((each) => isUsable(each, now)))
    const last = rows.at(-1)
    if (!last || rows.length < limit) break
    from = last.id
  }
  return found.slice(0, limit)
}

function* revoke(id: string, event: Recording): Act<Invitation | undefined> {
  const link = yield* find(oneTimeValues, { kind: 'invitation', id })
  if (!link || !isInvitation(link) || link.usesLeft === 0) return undefined
  yield* update(oneTimeValues, { kind: 'invitation', hash: link.hash }, { usesLeft: 0 })
  yield* record(event)
  return { ...link, usesLeft: 0 }
}
