/** Checks the values of the command line. Each mistake names its flag and the accepted values. */
import { readFileSync } from 'node:fs'
import { InvalidArgumentError, Option } from 'commander'
import type * as z from 'zod'
import { reasonSchema } from '../blacklist/wire.ts'
import { findClaimFault } from '../clients/claims.ts'
import { findCommaFault } from '../clients/field-schemas.ts'
import { DURATION_FORM, parseDuration } from '../ground/duration.ts'
import { Fault, OAuthError } from '../ground/errors.ts'
import { codeOf } from '../ground/file-access.ts'
import { looksSecret } from '../ground/looks-secret.ts'
import { schemaOf, type Schema } from '../ground/schema.ts'
import { JsonFault, describePath, readExactJson } from '../ground/exact-json.ts'

/** Bad usage: exit code 2. */
export class UsageError extends Fault {}

/** The command has printed its failed checks on stdout. The exit code is 1, and nothing more is printed. */
export class ChecksFailed extends Error {}

/** For options that may be repeated. */
export const collect = (value: string, earlier: string[] = []): string[] => [...earlier, value]

/** A duration option, as seconds. */
export function durationOption(text: string): number {
  const seconds = parseDuration(text)
  if (seconds === undefined) throw new InvalidArgumentError(`Accepted: ${DURATION_FORM}.`)
  return seconds
}

/** A duration option with a default. @param shown the usual seconds, in the form that the option accepts */
export const usualDuration = (flags: string, says: string, usualSeconds: number, shown: string): Option =>
  new Option(flags, says).argParser(durationOption).default(usualSeconds, shown)

/** How long a link is good. */
export const ttlOption = (usualSeconds: number, shown: string): Option =>
  usualDuration('--ttl <duration>', 'how long it is good', usualSeconds, shown)

/**
 * `k=v` pairs as claims; `v` is JSON where it is JSON, else a string.
 * @throws UsageError for claims that no token may carry.
 */
export function readClaims(pairs: string[] | undefined): Record<string, unknown> | undefined {
  if (pairs === undefined) return undefined
  const given = pairs.filter((pair) => pair !== '').map(readClaim)
  const names = given.map(([name]) => name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new UsageError(`--claim: "${twice}" is given twice`)
  // fromEntries makes own properties of every name, `__proto__` too, which is then refused as a claim.
  const claims = Object.fromEntries(given)
  const fault = findClaimFault(claims)
  if (fault !== undefined) throw new UsageError(`--claim: ${fault}`)
  return claims
}

function readClaim(pair: string): [string, unknown] {
  const at = pair.indexOf('=')
  if (at < 1) throw new UsageError(`--claim: read ${JSON.stringify(pair)}; accepted: name=value`)
  const [name, text] = [pair.slice(0, at), pair.slice(at + 1)]
  try {
    return [name, readExactJson(text)]
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error
    if (error.isNoJson) return [name, text]
    throw new UsageError(
      `--claim: claim "${describePath([name, ...error.path])}": ${error.message}`,
      `a string is given in quotes of its own: --claim '${name}="…"'`,
    )
  }
}

/**
 * `name=text` pairs as an object. A single empty value empties it.
 * @throws UsageError
 */
export function readPairs(flag: string, pairs: string[]): Record<string, string> {
  const given = pairs
    .filter((pair) => pair !== '')
    .map((pair): [string, string] => {
      const at = pair.indexOf('=')
      if (at < 1) throw new UsageError(`${flag}: read ${JSON.stringify(pair)}; accepted: name=path`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    })
  const names = given.map(([name]) => name)
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new UsageError(`${flag}: "${twice}" is given twice`)
  return Object.fromEntries(given)
}

/** A list option. A single empty value empties the list. */
export const readList = (values: string[] | undefined): string[] | undefined => values?.filter((value) => value !== '')

/** Checks metadata that was made of options. A mistake is told by its flag. */
export function checkMetadata<Built extends z.ZodType>(
  schema: Schema<Built>,
  metadata: object,
  flags: Record<string, string>,
): z.output<Built> {
  const comma = 'scope' in metadata ? findCommaFault(metadata.scope) : undefined
  if (comma !== undefined) throw new UsageError(`${flags.scope ?? 'scope'}: ${comma}`)
  const parsed = schema.zod.safeParse(metadata)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const field = String(issue?.path[0] ?? '')
  const read = shownAt(metadata, issue?.path ?? [])
  throw new UsageError(`${flags[field] ?? field}: ${read}${issue?.message ?? 'not accepted'}`)
}

const MOST_SHOWN = 100

/** The value that was read, as the beginning of a message; nothing for a value that was not typed as it is. */
function shownAt(metadata: object, path: readonly PropertyKey[]): string {
  let value: unknown = metadata
  for (const part of path) value = isObject(value) ? Reflect.get(value, part) : undefined
  return typeof value === 'string' ? `read ${shownValue(value)}; ` : ''
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** A text as a message repeats it. A secret in the wrong place is not repeated. */
const shownValue = (text: string): string => {
  if (looksSecret(text)) return 'a token or secret'
  return JSON.stringify(text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text)
}

/** @throws UsageError that names what was read, where there is a fault */
export function requireFaultless(name: string, text: string, fault: string | undefined): void {
  if (fault !== undefined) throw new UsageError(`${name}: read ${shownValue(text)}; accepted: ${fault}`)
}

/** The reason of an act, as lists and the audit trail show it. @throws UsageError */
export function readReason(text: string | undefined): string | undefined {
  return text === undefined ? text : checkMetadata(REASON, { reason: text }, { reason: '--reason' }).reason
}

const REASON = schemaOf((z) => z.object({ reason: reasonSchema.zod }))

/** Runs a check that needs no database. Its failure is bad usage, and no database is opened. */
export function requireSound(check: () => void): void {
  try {
    check()
  } catch (error) {
    throw error instanceof OAuthError ? new UsageError(error.message) : error
  }
}

/** @throws Fault where the file is not there, or holds no JSON that every reader takes alike. */
export function readJsonFile(flag: string, file: string): unknown {
  try {
    return readExactJson(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''))
  } catch (error) {
    const why =
      error instanceof JsonFault
        ? [describePath(error.path), error.message].filter((each) => each !== '').join(': ')
        : codeOf(error)
    throw new Fault(`${flag}: ${file} cannot be read: ${why}`, 'name a readable JSON file')
  }
}
