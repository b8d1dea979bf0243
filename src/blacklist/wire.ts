/**
 * Blacklist entries as they stand on the wire: what a request denies (POST /blacklist), and an entry as administrators
 * see it. One schema checks a request and describes it. Whether `expires_at` lies in the future is not asked here,
 * because that needs the clock of the database.
 */
import { fromSeconds, toIso, type Instant } from '../ground/clock.ts'
import { nearest } from '../ground/nearest.ts'
import { SECRET_IN_TEXT, looksSecret } from '../ground/looks-secret.ts'
import { schemaOf } from '../ground/schema.ts'
import type { BlacklistEntry } from '../store/records/blacklist.ts'
import { integer, manyOf, object, oneOf, optional, orNull, shapeOf, text, texts, time } from '../ground/shape.ts'
import type { FeedDocument } from './feed.ts'

/** Members that name the denied thing; a `token` becomes a `jti` or, for a refresh token, a `sid`. */
const DENIABLE = ['jti', 'sid', 'sub', 'client_id', 'token'] as const

/** The length is checked first: nothing else looks at a longer text. */
const textOf = (most: number) => {
  const error = `expected a string of 1 to ${most} characters`
  return schemaOf((z) => z.string({ error }).min(1, { error, abort: true }).max(most, { error, abort: true }))
}

export const MOST_NAME_CHARACTERS = 512
const MOST_REASON_CHARACTERS = 500

/** A backend may give a person any name, which must be deniable too. `Revocation` refuses a secret that nobody has for a name. */
const name = textOf(MOST_NAME_CHARACTERS)

/** A token here would make an entry that denies nothing, and everybody who may list entries would see it. */
const ownName = schemaOf(() =>
  textOf(MOST_NAME_CHARACTERS).zod.refine((value) => !looksSecret(value), {
    message: 'this is a token; name it as token, and its entry is made from it',
  }),
)

export const reasonSchema = schemaOf(() =>
  textOf(MOST_REASON_CHARACTERS).zod.refine((reason) => !looksSecret(reason), { message: SECRET_IN_TEXT }),
)

/** The last instant that a date can hold. */
const LATEST = 8.64e15

/** A date, or a date and a time with its zone. Without a zone a time would depend on where the server stands. */
const ISO_8601 = /^(\d{4})-(\d\d)-(\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/

/** Reads ISO 8601. `Date.parse` reads far more, and makes 2 March of 30 February. */
export function readInstant(written: string): Instant | undefined {
  const [, year, month, day] = ISO_8601.exec(written) ?? []
  const at = day === undefined ? NaN : Date.parse(written)
  if (Number.isNaN(at)) return undefined
  const isRealDay = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day)
  return isRealDay ? at : undefined
}

const INSTANT_FORM = 'expected ISO 8601, such as 2030-01-31T12:00:00Z, or seconds'

/** ISO 8601, or seconds since the epoch, as an instant. */
const instant = schemaOf((z) =>
  z
    .union([z.string().max(40, { abort: true }), z.number()], { error: INSTANT_FORM })
    .transform((value, context): Instant => {
      const at = typeof value === 'number' ? fromSeconds(value) : (readInstant(value) ?? NaN)
      if (Math.abs(at) <= LATEST) return Math.trunc(at)
      context.addIssue({ code: 'custom', message: INSTANT_FORM })
      return z.NEVER
    }),
)

/** A text of another form may be a secret, and is not repeated. */
const MEMBER_NAME = /^[a-z]{1,12}(?:_[a-z]{1,12}){0,3}$/

/** Unknown members are refused: a misspelt `expires_at` would make an entry that never ends. */
function describeUnknown(member: string): string {
  const known = [...DENIABLE, 'reason', 'expires_at']
  if (!MEMBER_NAME.test(member)) return `a member is not known; known are ${known.join(', ')}`
  return `member ${member} is not known${nearest(member, known)}`
}

const MEMBERS = schemaOf((z) =>
  z.strictObject(
    {
      jti: ownName.zod.nullish(),
      sid: ownName.zod.nullish(),
      sub: name.zod.nullish(),
      client_id: name.zod.nullish(),
      token: textOf(16_384).zod.nullish(),
      reason: reasonSchema.zod.nullish(),
      expires_at: instant.zod.nullish(),
    },
    { error: (issue) => (issue.code === 'unrecognized_keys' ? describeUnknown(issue.keys[0] ?? '') : undefined) },
  ),
)

export const denialSchema = schemaOf((z) =>
  MEMBERS.zod
    .transform(({ reason, expires_at: expiresAt, ...names }, context) => {
      const given = DENIABLE.flatMap((kind) => {
        const value = names[kind]
        return value === undefined || value === null ? [] : [{ kind, value }]
      })
      const [named] = given
      if (given.length === 1 && named) return { ...named, reason, expiresAt }
      context.addIssue({ code: 'custom', message: `name exactly one of ${DENIABLE.join(', ')}` })
      return z.NEVER
    })
    .meta({ id: 'Denial' }),
)

/** A blacklist entry as administrators see it, in JSON. */
export const entryView = ({
  id,
  kind,
  value,
  reason,
  issuedBefore,
  expiresAt,
  createdAt,
  createdBy,
}: BlacklistEntry) => ({
  id,
  kind,
  value,
  [kind]: value,
  reason,
  issued_before: toIso(issuedBefore),
  expires_at: toIso(expiresAt),
  created_at: toIso(createdAt),
  created_by: createdBy,
})

/** Members that a stored entry denies by. */
const DENIED_KINDS = ['jti', 'sid', 'sub', 'client_id', 'kid'] as const

type NamedBy = Partial<Record<(typeof DENIED_KINDS)[number], string>>
/** The view has one member that is named by the kind, so its type has an index. */
type EntryView = Pick<
  ReturnType<typeof entryView>,
  'id' | 'kind' | 'value' | 'reason' | 'issued_before' | 'expires_at' | 'created_at' | 'created_by'
> &
  NamedBy

/** An entry as administrators see it */
export const BLACKLIST_ENTRY = shapeOf<EntryView>(
  'BlacklistEntry',
  {
    id: text('Id of the entry.'),
    kind: oneOf(DENIED_KINDS, 'What `value` is.'),
    value: text('Whose tokens are denied.'),
    jti: optional(text()),
    sid: optional(text()),
    sub: optional(text()),
    client_id: optional(text()),
    kid: optional(text()),
    reason: orNull(text()),
    issued_before: time('Tokens are denied whose `iat` is not after this.'),
    expires_at: orNull(time('When the entry ends by itself; `null` for never.')),
    created_at: time(),
    created_by: text('`cli`, `system`, or the `client_id` behind the token.'),
  },
  {
    id: '019a6e3d-11aa-7b0e-8c1d-2f3a4b5c6d7e',
    kind: 'sub',
    value: 'ada',
    sub: 'ada',
    reason: 'lost laptop',
    issued_before: '2026-01-31T12:16:00.000Z',
    expires_at: null,
    created_at: '2026-01-31T12:00:00.000Z',
    created_by: 'operator',
  },
)

const seconds = (says: string) => integer(`${says} Seconds.`)

/** A page of the feed: feed-pages.ts makes it. */
export const FEED = shapeOf<FeedDocument>(
  'Feed',
  {
    cursor: text('Give it back as `?after=` for what came since.'),
    entries: manyOf(
      object({
        id: text('Id of the entry.'),
        kind: oneOf(DENIED_KINDS, 'Which claim (or, for `kid`, header) to look at.'),
        hash: text('base64url SHA-256 of `kind:value`.'),
        issued_before: seconds('A token matches whose `iat` is not after this.'),
        expires_at: seconds('The entry may be forgotten then.'),
      }),
      'What to refuse.',
    ),
    removed: texts('Ids of entries that were lifted.'),
    more: optional(oneOf([true], 'Another page follows: ask for it with `?after=` and `cursor`.')),
  },
  {
    cursor: '17',
    entries: [
      {
        id: BLACKLIST_ENTRY.example.id,
        kind: 'sub',
        hash: 'p2WJHSwbnta47ckDdY6_DbUUiOa1uJcHSd3Q0LMf6WQ',
        issued_before: 1_769_861_760,
        expires_at: 1_769_861_760,
      },
    ],
    removed: [],
  },
)
