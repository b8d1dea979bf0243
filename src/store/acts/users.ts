/**
 * Users and what they belong to. A change of a person is one write: the row, the groups, the factors, the end of sessions,
 * and the denial of tokens that carry what the person has lost.
 */
import { hash } from 'node:crypto'
import type { Instant } from '../../ground/clock.ts'
import { foldedName } from '../../ground/folded-name.ts'
import {
  find,
  insert,
  insertIfAbsent,
  remove,
  select,
  time,
  together,
  update,
  type Act,
  type Engine,
} from '../engine.ts'
import type { UserStore } from '../people-store.ts'
import { endedUsers, groupMembers, passkeys, recoveryCodes, sessions, signIns, users } from '../tables/people.ts'
import type { Recording } from '../records/audit.ts'
import type { Page } from '../records/facts.ts'
import { isLiveSession, type PersonEnding } from '../records/session.ts'
import {
  StaleChallenge,
  carriesOwnPermission,
  type GroupRecord,
  type LostFactors,
  type Person,
  type PersonFilter,
  type UserChange,
  type UserCreation,
  type UserObstacle,
  type UserRecord,
  type UserTerms,
  type UserUpdate,
} from '../records/user.ts'
import { clients, endedClients } from '../tables/clients.ts'
import { isByFile, record } from './audit.ts'
import { addDenials, liftCause } from './blacklist.ts'
import { addOneTime, endLinks, oneTimeFault, takeOneTime } from './one-time.ts'
import { findGroup, findPerson, groupsOf, personOf } from './people-rows.ts'
import { endSessionsOf } from './session-ends.ts'

/** Rows that a search looks at in one step. */
const STEP = 500

export const userVerbs = (engine: Engine): UserStore => ({
  findPerson: (name) => engine.read(() => findPerson(name)),
  listPersons: (filter, page) => engine.read(() => list(filter, page)),
  createUser: (user, terms, event) => engine.act(() => createUser(user, terms, event), 'exclusive'),
  changeUser: (id, decide) => engine.act(() => changeUser(id, decide), 'exclusive'),
  deleteUser: (id, ending, event) => engine.act(() => deleteUser(id, ending, event), 'exclusive'),
})

/** In the order of their ids. A search reads all persons: no index finds a part of a name. */
function* list({ search, group }: PersonFilter, { after = '', limit }: Page): Act<Person[]> {
  const wanted = search === undefined ? undefined : foldedName(search)
  const found: Person[] = []
  let from = after
  while (found.length < limit) {
    const step = wanted === undefined ? limit : STEP
    const rows = group === undefined ? yield* usersAfter(from, step) : yield* membersAfter(group, from, step)
    const like = wanted === undefined ? rows : rows.filter((each) => isLike(each, wanted))
    found.push(...(yield* together(...like.slice(0, limit - found.length).map(personOf))))
    const last = rows.at(-1)
    if (!last || rows.length < step) break
    from = last.id
  }
  return found
}

const usersAfter = (after: string, limit: number): Act<UserRecord[]> => select(users, { orderBy: 'id', after, limit })

function* membersAfter(groupName: string, after: string, limit: number): Act<UserRecord[]> {
  const rows = yield* select(groupMembers, { where: { groupName }, orderBy: 'userId', after, limit })
  const members = yield* together(...rows.map(({ userId }) => find(users, { id: userId })))
  return members.filter((user) => user !== undefined)
}

const isLike = ({ username, email, name }: UserRecord, wanted: string): boolean =>
  [username, email, name].some((each) => each !== null && foldedName(each).includes(wanted))

/** As a deleted person's name is remembered. */
const digestOfName = (username: string): string => hash('sha256', `signet user ${username}`, 'base64url')

export function* wasEnded({ id, username }: { id?: string | undefined; username: string }): Act<boolean> {
  const byName = yield* find(endedUsers, { nameDigest: digestOfName(username) })
  return byName !== undefined || (id !== undefined && (yield* find(endedUsers, { id })) !== undefined)
}

export function* createUser(user: UserRecord, terms: UserTerms, event: Recording): Act<UserCreation> {
  const { id, username } = user
  if (yield* isTakenId(id)) return { outcome: 'taken', member: 'id' }
  if (yield* find(endedUsers, { id })) return { outcome: 'ended' }
  if (isByFile(event) && (yield* wasEnded({ username }))) return { outcome: 'ended' }
  const obstacle = (yield* findLinkFault(terms)) ?? (yield* findTaken(user, undefined)) ?? (yield* prepare(terms, []))
  if (obstacle) return obstacle
  yield* update(endedUsers, { nameDigest: digestOfName(username) }, { nameDigest: null })
  yield* insert(users, user)
  yield* addPasskey(id, terms)
  yield* setGroups(id, terms, [])
  yield* record(event)
  yield* addInvitation(terms)
  return { outcome: 'created', person: yield* personOf(user) }
}

/** A `sub` is never given twice, and never the id of a client, be it deleted (RFC 9068 §5). */
export function* isTakenId(id: string): Act<boolean> {
  const holders = [
    yield* find(users, { id }),
    yield* find(clients, { clientId: id }),
    yield* find(endedClients, { clientId: id }),
  ]
  return holders.some((each) => each !== undefined)
}

function* findTaken(
  { id, username, emailKey }: UserRecord,
  before: UserRecord | undefined,
): Act<UserObstacle | undefined> {
  if (username !== before?.username && (yield* isOthersName(username, id)))
    return { outcome: 'taken', member: 'username' }
  const addressed = emailKey === null ? undefined : yield* find(users, { emailKey })
  return addressed && addressed.id !== id ? { outcome: 'taken', member: 'email' } : undefined
}

/** Whether a user name is another person's, or another person's id: an operator would take the one for the other. */
function* isOthersName(username: string, id: string): Act<boolean> {
  const holders = [yield* find(users, { username }), yield* find(users, { id: username })]
  return holders.some((each) => each !== undefined && each.id !== id)
}

/** Throws, because the invitation was taken already: then nothing of it is written. */
function refuseChallenge(): never {
  throw new StaleChallenge()
}

/** A used link is told before a name that is taken: a second click has taken it. */
function* findLinkFault({ invitation }: UserTerms): Act<UserObstacle | undefined> {
  const state = invitation === undefined ? undefined : yield* oneTimeFault('invitation', invitation)
  return state && { outcome: 'link', state }
}

/** Asks everything that can refuse a change. Taking the invitation is the last of it, because it writes. */
function* prepare(terms: UserTerms, before: GroupRecord[]): Act<UserObstacle | undefined> {
  const missing = yield* judgeGroups(terms, before)
  if (missing !== undefined) return { outcome: 'no_group', group: missing }
  if (terms.invitation !== undefined) {
    const { outcome } = yield* takeOneTime('invitation', terms.invitation)
    if (outcome !== 'taken') return { outcome: 'link', state: outcome }
  }
  return (yield* takeChallenge(terms)) ? undefined : refuseChallenge()
}

function* addPasskey(userId: string, { passkey }: UserTerms): Act<void> {
  if (!passkey) return
  const now = yield* time()
  yield* insert(passkeys, { ...passkey.record, userId, createdAt: now, lastUsedAt: now })
  yield* record(passkey.event)
}

function* addInvitation({ invites }: UserTerms): Act<void> {
  if (!invites) return
  yield* addOneTime(invites.link)
  yield* record(invites.event)
}

function* hasAny({ user, factors }: Person, lost: LostFactors): Act<boolean> {
  if ('passkeyId' in lost) return (yield* find(passkeys, { userId: user.id, id: lost.passkeyId })) !== undefined
  return user.totpSecret !== null || ('all' in lost && factors.passkeys > 0)
}

/** The recovery codes go with the app: their digests are made with a key that is sealed with its secret. */
function* lose(userId: string, lost: LostFactors): Act<void> {
  if ('passkeyId' in lost) return void (yield* remove(passkeys, { userId, id: lost.passkeyId }))
  if ('all' in lost) yield* remove(passkeys, { userId })
  yield* update(users, { id: userId }, { totpSecret: null, totpUsedStep: -1 })
  yield* remove(recoveryCodes, { userId })
}

/** The challenge of the passkey is used up by the write that stores it. */
function* takeChallenge({ passkey }: UserTerms): Act<boolean> {
  if (!passkey) return true
  if (yield* find(passkeys, { id: passkey.record.id })) return false
  return (yield* takeOneTime('passkey_creation', passkey.challengeHash)).outcome === 'taken'
}

/** @returns the name of a group that does not exist */
function* judgeGroups({ groups, mayChangeMembers }: UserTerms, before: GroupRecord[]): Act<string | undefined> {
  if (!groups) return undefined
  for (const name of groups.filter((each) => !before.some((group) => group.name === each))) {
    const group = yield* findGroup(name)
    if (!group) return name
    mayChangeMembers(group)
  }
  for (const group of before.filter(({ name }) => !groups.includes(name))) mayChangeMembers(group)
  return undefined
}

function* setGroups(userId: string, { groups, deny }: UserTerms, before: GroupRecord[]): Act<void> {
  if (!groups) return
  for (const { name: groupName } of before.filter(({ name }) => !groups.includes(name)))
    yield* remove(groupMembers, { userId, groupName })
  const addedAt = yield* time()
  for (const groupName of groups) yield* insertIfAbsent(groupMembers, { userId, groupName, addedAt })
  if (hasLost(before, yield* groupsOf(userId))) yield* addDenials((moment) => [deny(moment)])
}

/** Whether a permission for Signet itself is gone: the tokens that rest on it are refused at once. */
const hasLost = (before: GroupRecord[], after: GroupRecord[]): boolean => {
  const own = (groups: GroupRecord[]) =>
    groups
      .filter(carriesOwnPermission)
      .flatMap(({ permissions }) => permissions.filter((each) => each.startsWith('signet:')))
  const kept = new Set(own(after))
  return own(before).some((each) => !kept.has(each))
}

export function* changeUser(id: string, decide: (person: Person, now: Instant) => UserChange): Act<UserUpdate> {
  const person = yield* findPerson({ id })
  if (!person) return { outcome: 'unknown' }
  const now = yield* time()
  const change = decide(person, now)
  if (change.inSession !== undefined && !(yield* isInSession(change.inSession, id, now))) return { outcome: 'unknown' }
  const next: UserRecord = { ...person.user, ...change.user, id }
  // A client has taken the id since: its tokens and those of the person could not be told apart.
  if (change.isEnabling && (yield* find(clients, { clientId: id }))) return { outcome: 'taken', member: 'id' }
  if (change.loses && !(yield* hasAny(person, change.loses))) return { outcome: 'no_factor' }
  const obstacle = (yield* findTaken(next, person.user)) ?? (yield* prepare(change, person.groups))
  if (obstacle) return obstacle
  yield* update(users, { id }, next)
  yield* setGroups(id, change, person.groups)
  if (isAnotherSignIn(person.user, next)) yield* endLinks(id)
  yield* addPasskey(id, change)
  if (change.loses) yield* lose(id, change.loses)
  if (change.ending) yield* endSessionsOf(id, change.ending)
  if (change.isEnabling) yield* liftCause('sub', id, 'user_disabled')
  yield* record(change.event)
  return { outcome: 'changed', person: (yield* findPerson({ id })) ?? person }
}

function* isInSession(id: string, userId: string, now: Instant): Act<boolean> {
  const session = yield* find(sessions, { id })
  return session !== undefined && session.userId === userId && isLiveSession(session, now)
}

/** A link that was sent before ends: it was sent to somebody else, or for another reason. */
const isAnotherSignIn = (before: UserRecord, next: UserRecord): boolean =>
  (['username', 'email', 'passwordHash', 'disabledAt'] as const).some((member) => before[member] !== next[member])

function* deleteUser(
  id: string,
  ending: (person: Person) => PersonEnding,
  event: Recording,
): Act<{ outcome: 'deleted'; person: Person } | { outcome: 'unknown' }> {
  const person = yield* findPerson({ id })
  if (!person) return { outcome: 'unknown' }
  yield* endSessionsOf(id, ending(person))
  yield* endLinks(id)
  yield* remove(signIns, { userId: id })
  yield* remove(users, { id })
  const nameDigest = isByFile(event) ? null : digestOfName(person.user.username)
  yield* insertIfAbsent(endedUsers, { id, nameDigest, endedAt: yield* time() })
  yield* record(event)
  return { outcome: 'deleted', person }
}
