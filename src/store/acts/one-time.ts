/**
 * One-time values: codes, links, challenges. A value is found by its kind and hash alone, so a value of one kind is none
 * of another. Its consumption is one conditional update.
 */
import { find, insert, time, update, type Act } from '../engine.ts'
import { oneTimeValues } from '../tables/people.ts'
import { isOfKind, type OneTimeKind, type OneTimeRecord } from '../records/one-time.ts'

export function* addOneTime(value: OneTimeRecord): Act<void> {
  yield* insert(oneTimeValues, value)
}

/** A value that was issued, be it used or over, as long as it is remembered. */
export function* findOneTime<Kind extends OneTimeKind>(kind: Kind, hash: string): Act<OneTimeRecord<Kind> | undefined> {
  const value = yield* find(oneTimeValues, { kind, hash })
  return value && isOfKind(kind)(value) ? value : undefined
}

/** Whether a value can be used now. */
export const isUsable = (value: OneTimeRecord, now: number): boolean => faultOf(value, now) === undefined

type Spent = 'used' | 'expired'

function faultOf({ usesLeft, expiresAt }: OneTimeRecord, now: number): Spent | undefined {
  if (usesLeft <= 0) return 'used'
  return now < expiresAt ? undefined : 'expired'
}

/** Why a value cannot be used now, if it cannot. */
export function* oneTimeFault(kind: OneTimeKind, hash: string): Act<Spent | 'unknown' | undefined> {
  const value = yield* findOneTime(kind, hash)
  return value ? faultOf(value, yield* time()) : 'unknown'
}

/**
 * Takes one use of a value. Of all callers in all processes, as many get `taken` as there are uses.
 * @returns the value as it was before, and what became of the attempt
 */
export function* takeOneTime<Kind extends OneTimeKind>(
  kind: Kind,
  hash: string,
): Act<{ outcome: 'taken' | 'used' | 'expired'; value: OneTimeRecord<Kind> } | { outcome: 'unknown' }> {
  const value = yield* findOneTime(kind, hash)
  if (!value) return { outcome: 'unknown' }
  const now = yield* time()
  const fault = faultOf(value, now)
  if (fault) return { outcome: fault, value }
  const { usesLeft } = value
  const taken = yield* update(oneTimeValues, { kind, hash, usesLeft }, { usesLeft: usesLeft - 1, consumedAt: now })
  return { outcome: taken === 1 ? 'taken' : 'used', value }
}

/** Ends every value of a kind that an owner has: a newer one takes their place, or the owner has changed. */
export function* endOneTime(kind: OneTimeKind, owner: string): Act<void> {
  yield* update(oneTimeValues, { kind, owner }, { usesLeft: 0 })
}

/** Ends the links that a person was sent: the person signs in otherwise from now on. */
export function* endLinks(userId: string): Act<void> {
  yield* endOneTime('sign_in_link', userId)
  yield* endOneTime('invitation', userId)
}
