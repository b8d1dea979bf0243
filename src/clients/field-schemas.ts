/** Schemas of values that fields of clients and resources share. */
import { DURATION_FORM, parseDuration } from '../ground/duration.ts'
import { orNone } from '../ground/blank.ts'
import { SECRET_IN_TEXT, looksSecret } from '../ground/looks-secret.ts'
import { schemaOf } from '../ground/schema.ts'
import { findClaimMapFault } from './claim-map.ts'
import { SCOPE_TOKEN } from './client.ts'

/**
 * A string with a longest length. The length is checked first and alone: a longer text is not searched, split
 * or matched.
 */
export const textOf = (most: number) => schemaOf((z) => z.string().max(most, { abort: true }))

/** A text for people, or `null`. A text of blanks is none. A text with a token or secret in it is refused. */
export const textOrNone = (most: number) =>
  schemaOf(() =>
    textOf(most)
      .zod.transform(orNone)
      .nullable()
      .refine((text) => text === null || !looksSecret(text), { message: SECRET_IN_TEXT }),
  )

/** A duration in any spelling, as seconds. */
export const durationSchema = schemaOf((z) =>
  z.union([textOf(32).zod, z.number().int()], { error: `expected ${DURATION_FORM}` }).transform((value, context) => {
    const seconds = parseDuration(value)
    if (seconds !== undefined) return seconds
    context.addIssue({ code: 'custom', message: `expected ${DURATION_FORM}` })
    return z.NEVER
  }),
)

/** The same, or `null`. */
export const nullableDurationSchema = schemaOf(() => durationSchema.zod.nullable())

/** The life of a token, one second at least, or `null`. */
export const ttlSchema = schemaOf(() =>
  durationSchema.zod.refine((seconds) => seconds > 0, { message: 'expected 1s or more' }).nullable(),
)

const MOST_SCOPES = 100
const MOST_SCOPE_CHARACTERS = MOST_SCOPES * 257
const SCOPE_FORM = `expected at most ${MOST_SCOPES} scope values of printable ASCII without " and \\`

/**
 * A comma is legal in a scope value (RFC 6749 §3.3), but what a person types with one is a list. The admin API takes commas,
 * for servers whose scope values have them.
 * @param scope as it was given, one text or a list
 */
export function findCommaFault(scope: unknown): string | undefined {
  const value = [scope].flat().find((each) => typeof each === 'string' && each.includes(','))
  if (typeof value !== 'string') return undefined
  const separated = value.split(/[,\s]+/).filter((each) => each !== '')
  return `read ${JSON.stringify(value)}; scope values are separated by spaces, not commas: ${JSON.stringify(separated.join(' '))}`
}

/** A scope as one string or as a list. */
export const scopeSchema = schemaOf((z) =>
  z
    .union(
      [textOf(MOST_SCOPE_CHARACTERS).zod, z.array(textOf(MOST_SCOPE_CHARACTERS).zod).max(MOST_SCOPES, { abort: true })],
      {
        error: SCOPE_FORM,
      },
    )
    .transform((value) => [
      ...new Set(
        [value]
          .flat()
          .flatMap((each) => each.split(/\s+/))
          .filter((each) => each !== ''),
      ),
    ])
    .refine((values) => values.length <= MOST_SCOPES && values.every((value) => SCOPE_TOKEN.test(value)), {
      message: SCOPE_FORM,
    }),
)

export const claimsSchema = schemaOf((z) => z.record(z.string(), z.unknown()))

/** Names of claims with paths into a person. */
export const claimMapSchema = schemaOf((z) =>
  z
    .record(z.string(), z.string(), {
      error: 'expected an object of claim names and paths, such as role with the path roles[0]',
    })
    .superRefine((map, context) => {
      const fault = findClaimMapFault(map)
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
    }),
)

export const booleanSchema = schemaOf((z) => z.boolean({ error: 'expected true or false' }))
