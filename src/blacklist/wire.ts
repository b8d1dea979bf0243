/**
 * What names something to deny, as it stands on the wire (POST /blacklist). One schema checks it and describes it.
 * Whether `expires_at` lies in the future is not asked here: that needs the database's clock.
 */
import * as z from 'zod'
import { fromSeconds, type Instant } from '../ground/clock.ts'
import { nearest } from '../ground/nearest.ts'
import { looksSecret } from '../ground/looks-secret.ts'

/** What an entry may name; a `token` becomes a `jti` or, for a refresh token, a `sid`. */
const DENIABLE = ['jti', 'sid', 'sub', 'client_id', 'token'] as const

const text = (most: number) => {
  const error = `expected a string of 1 to ${most} characters`
  return z.string({ error }).min(1, { error }).max(most, { error })
}

/** A `sub` is whatever a backend calls a person: no look of it may keep that person from being stopped. */
const name = text(512)

/** A token here would make an entry that denies nothing, and lie about for everybody who may list entries. */
const ownName = text(512).refine((value) => !looksSecret(value), {
  message: 'this is a token; name it as token, and its entry is made from it',
})

/** The last instant that a date can hold. */
const LATEST = 8.64e15

/** ISO 8601, or seconds since the epoch, as an instant. */
const instant = z.union([z.string(), z.number()]).transform((value, context): Instant => {
  const at = typeof value === 'number' ? fromSeconds(value) : Date.parse(value)
  if (Math.abs(at) <= LATEST) return Math.trunc(at)
  context.addIssue({ code: 'custom', message: 'expected ISO 8601, such as 2030-01-31T12:00:00Z, or seconds' })
  return z.NEVER
})

/** What is not the name of a member may be a secret, and is not repeated. */
const MEMBER_NAME = /^[a-z]{1,12}(?:_[a-z]{1,12}){0,3}$/

/** Unknown members are refused: a misspelt `expires_at` would make an entry that never ends. */
function describeUnknown(member: string): string {
  const known = [...DENIABLE, 'reason', 'expires_at']
  if (!MEMBER_NAME.test(member)) return `a member is not known; known are ${known.join(', ')}`
  return `member ${member} is not known${nearest(member, known)}`
}

const MEMBERS = z.strictObject(
  {
    jti: ownName.nullish(),
    sid: ownName.nullish(),
    sub: name.nullish(),
    client_id: name.nullish(),
    token: text(16_384).nullish(),
    reason: text(500).nullish(),
    expires_at: instant.nullish(),
  },
  { error: (issue) => (issue.code === 'unrecognized_keys' ? describeUnknown(issue.keys[0] ?? '') : undefined) },
)

export const denialSchema = MEMBERS.transform(({ reason, expires_at: expiresAt, ...names }, context) => {
  const given = DENIABLE.flatMap((kind) => {
    const value = names[kind]
    return value === undefined || value === null ? [] : [{ kind, value }]
  })
  const [named] = given
  if (given.length === 1 && named) return { ...named, reason, expiresAt }
  context.addIssue({ code: 'custom', message: `name exactly one of ${DENIABLE.join(', ')}` })
  return z.NEVER
})
