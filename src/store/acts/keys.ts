/** Signing keys. Unique indexes allow one active and one next key. The steps below are in an order that never breaks them. */
import { fromSeconds, type Instant } from '../../ground/clock.ts'
import { find, insert, reserve, select, time, update, type Act, type Engine, type Unreadable } from '../engine.ts'
import type { Recording } from '../records/audit.ts'
import type { Moment, NewBlacklistEntry } from '../records/blacklist.ts'
import {
  SHARED_RING,
  isDatedAhead,
  isScheduled,
  newestDate,
  sealedUnder,
  type PromotionOutcome,
  type PromotionVerdict,
  type RevocationOutcome,
  type RingId,
  type SigningKeyRecord,
} from '../records/key.ts'
import type { KeyStore } from '../key-store.ts'
import { signingKeys } from '../tables/keys.ts'
import { record } from './audit.ts'
import { append, moment } from './blacklist.ts'
import { requireUsableMasterKey } from './master-key-rows.ts'
import { discard, noteFirstOwnKey, restUnusedRings, useOf } from './own-rings.ts'

export const keyVerbs = (engine: Engine): KeyStore => ({
  listKeys: (onUnreadable) => engine.read(() => list(onUnreadable)),
  findKey: (kid) => engine.read(() => find(signingKeys, { kid })),
  seedKeys: (ring, keys, event) => engine.act(() => seed(ring, keys, event), 'exclusive'),
  promoteNextKey: (ring, spare, decide, event) => engine.act(() => promote(ring, spare, decide, event), 'exclusive'),
  revokeKey: (kid, spare, deny, event) => engine.act(() => revoke(kid, spare, deny, event), 'exclusive'),
  redateKeys: (mayDate, eventFor) => engine.act(() => redate(mayDate, eventFor), 'exclusive'),
  reserveSigning: (kid, until) =>
    engine.act(function* () {
      return (yield* reserve(kid, until)) ? 'reserved' : 'gone'
    }),
  restUnusedKeys: (eventFor) => engine.act(() => rest(eventFor), 'exclusive'),
  retireKeys: (skewSeconds, mayRetire, eventFor) => engine.act(() => retire(skewSeconds, mayRetire, eventFor)),
})

/** Oldest first. */
const inOrder = (keys: SigningKeyRecord[]): SigningKeyRecord[] =>
  keys.sort((one, other) => one.createdAt - other.createdAt || (one.kid < other.kid ? -1 : 1))

function* list(onUnreadable?: Unreadable): Act<SigningKeyRecord[]> {
  return inOrder(yield* select(signingKeys, { onUnreadable }))
}

function* ringOf({ ring, alg }: RingId): Act<SigningKeyRecord[]> {
  return inOrder(yield* select(signingKeys, { where: { ring, alg } }))
}

function* seed(id: RingId, keys: SigningKeyRecord[], event: Recording): Act<'seeded' | 'exists' | 'unused'> {
  const ring = yield* ringOf(id)
  if (ring.some(({ status }) => status === 'active' || status === 'next')) return 'exists'
  const use = yield* useOf(id)
  if (use === 'never') return 'unused'
  const now = yield* time()
  for (const key of use === 'later' ? keys.filter(({ status }) => status === 'next') : keys)
    yield* insertSealed({ ...key, createdAt: now, activatedAt: key.status === 'active' ? now : null })
  yield* record(event)
  return 'seeded'
}

function* promote(
  id: RingId,
  spare: SigningKeyRecord,
  decide: (ring: SigningKeyRecord[], now: Instant) => PromotionVerdict,
  event: Recording,
): Act<PromotionOutcome> {
  const ring = yield* ringOf(id)
  const now = yield* time()
  const verdict = decide(ring, now)
  if (verdict.act === 'wait') return { outcome: 'refused', safeFrom: verdict.safeFrom, reason: verdict.reason }
  const next = ring.find(({ status }) => status === 'next')
  if (!next) return { outcome: 'refused', safeFrom: null, reason: `there is no next ${id.alg} key` }
  const active = ring.find(({ status }) => status === 'active')
  if (active) yield* update(signingKeys, { kid: active.kid }, { status: 'retiring', deactivatedAt: now })
  else yield* noteFirstOwnKey(id.ring)
  yield* activate(next, now)
  yield* publish(spare, now)
  yield* record(event)
  return { outcome: 'promoted', keys: yield* ringOf(id) }
}

function* revoke(
  kid: string,
  spare: SigningKeyRecord,
  deny: (key: SigningKeyRecord, moment: Moment) => NewBlacklistEntry,
  event: Recording,
): Act<RevocationOutcome> {
  const before = yield* find(signingKeys, { kid })
  if (!before) return { outcome: 'unknown' }
  if (before.status === 'revoked') return { outcome: 'already' }
  const now = yield* moment()
  yield* discard(before, 'revoked', now.now)
  yield* fillPlaceOf(before, spare, now.now)
  yield* append(deny(before, now))
  yield* record(event)
  return { outcome: 'revoked', before }
}

/** The published `next` signs instead of a revoked active key, and `spare` becomes `next`. */
function* fillPlaceOf(revoked: SigningKeyRecord, spare: SigningKeyRecord, now: Instant): Act<void> {
  if (revoked.status === 'active') {
    const next = (yield* ringOf(revoked)).find(({ status }) => status === 'next')
    if (next) yield* activate(next, now)
  }
  if (revoked.status === 'next' || revoked.status === 'active') yield* publish(spare, now)
}

function* retire(skewSeconds: number, mayRetire: () => boolean, eventFor: (kid: string) => Recording): Act<string[]> {
  if (!mayRetire()) return []
  const now = yield* time()
  const retiring = yield* select(signingKeys, { where: { status: 'retiring' } })
  const over = retiring.filter(({ signedUntil }) => signedUntil < now - fromSeconds(skewSeconds))
  for (const key of over) {
    yield* discard(key, 'retired', now)
    yield* record(eventFor(key.kid))
  }
  return over.map(({ kid }) => kid)
}

/** Brings to rest what no resource uses, as after a process that had not heard that a resource uses the shared keys again. */
function* rest(eventFor: (kid: string) => Recording): Act<string[]> {
  const own = (yield* select(signingKeys)).filter(({ ring }) => ring !== SHARED_RING)
  const rested: string[] = []
  for (const ring of new Set(own.map((key) => key.ring))) {
    for (const { kid } of yield* restUnusedRings(ring)) {
      yield* record(eventFor(kid))
      rested.push(kid)
    }
  }
  return rested
}

function* redate(mayDate: () => boolean, eventFor: (kid: string) => Recording): Act<string[]> {
  if (!mayDate()) return []
  const now = yield* time()
  const keys = (yield* select(signingKeys)).filter(isScheduled)
  const redated: string[] = []
  for (const ring of Map.groupBy(keys, ({ ring: name, alg }) => `${alg} ${name}`).values()) {
    if (!ring.some((key) => isDatedAhead(key, now))) continue
    const newest = Math.max(...ring.map(newestDate))
    const moved = (date: Instant) => (date > now ? date - (newest - now) : date)
    for (const key of ring.filter((each) => newestDate(each) > now)) {
      const activatedAt = key.activatedAt === null ? null : moved(key.activatedAt)
      yield* update(signingKeys, { kid: key.kid }, { createdAt: moved(key.createdAt), activatedAt })
      yield* record(eventFor(key.kid))
      redated.push(key.kid)
    }
  }
  return redated
}

function* activate({ kid }: SigningKeyRecord, now: Instant): Act<void> {
  yield* update(signingKeys, { kid }, { status: 'active', activatedAt: now })
}

/** Dated here: the write may have waited since the key was made, and a key is known only from its commit. */
function* publish(spare: SigningKeyRecord, now: Instant): Act<void> {
  yield* insertSealed({ ...spare, status: 'next', createdAt: now })
}

/** A private key that was sealed before the write could have been sealed under a key that is retired now. */
function* insertSealed(key: SigningKeyRecord): Act<void> {
  yield* requireUsableMasterKey(sealedUnder(key.sealedPrivateKey))
  yield* insert(signingKeys, key)
}
