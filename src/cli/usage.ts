/** What is written on the command line, checked: each mistake names its flag and what is accepted. */
import { readFileSync } from 'node:fs'
import { InvalidArgumentError } from 'commander'
import type * as z from 'zod'
import { findClaimFault } from '../clients/claims.ts'
import { DURATION_FORM, parseDuration } from '../ground/duration.ts'
import { Fault, OAuthError } from '../ground/errors.ts'

/** Bad usage: exit code 2. */
export class UsageError extends Fault {}

/** A command has told on stdout what failed: exit code 1, and nothing more to say. */
export class ChecksFailed extends Error {}

/** For options that may be repeated. */
export const collect = (value: string, earlier: string[] = []): string[] => [...earlier, value]

/** A duration option, as seconds. */
export function durationOption(text: string): number {
  const seconds = parseDuration(text)
  if (seconds === undefined) throw new InvalidArgumentError(`Accepted: ${DURATION_FORM}.`)
  return seconds
}

/**
 * `k=v` pairs as claims; `v` is JSON where it is JSON, else a string.
 * @throws UsageError for claims that no token may carry.
 */
export function readClaims(pairs: string[] | undefined): Record<string, unknown> | undefined {
  if (pairs === undefined) return undefined
  // fromEntries makes own properties of every name, `__proto__` too, which is then refused as a claim.
  const claims = Object.fromEntries(pairs.filter((pair) => pair !== '').map(readClaim))
  const fault = findClaimFault(claims)
  if (fault !== undefined) throw new UsageError(`--claim: ${fault}`)
  return claims
}

function readClaim(pair: string): [string, unknown] {
  const at = pair.indexOf('=')
  if (at < 1) throw new UsageError(`--claim: read ${JSON.stringify(pair)}; accepted: name=value`)
  const text = pair.slice(at + 1)
  try {
    return [pair.slice(0, at), JSON.parse(text) as unknown]
  } catch {
    return [pair.slice(0, at), text]
  }
}

/** A list option; one empty value empties the list. */
export const readList = (values: string[] | undefined): string[] | undefined => values?.filter((value) => value !== '')

/** Checks wire metadata made of options; the mistake is told by its flag. */
export function checkMetadata<Schema extends z.ZodType>(
  schema: Schema,
  metadata: object,
  flags: Record<string, string>,
): z.output<Schema> {
  const parsed = schema.safeParse(metadata)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const field = String(issue?.path[0] ?? '')
  throw new UsageError(`${flags[field] ?? field}: ${issue?.message ?? 'not accepted'}`)
}

/** Runs a check that needs no database, so that what can never hold is bad usage and opens nothing. */
export function requireSound(check: () => void): void {
  try {
    check()
  } catch (error) {
    throw error instanceof OAuthError ? new UsageError(error.message) : error
  }
}

/** @throws Fault where the file is not there or holds no JSON. */
export function readJsonFile(flag: string, file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as unknown
  } catch (error) {
    const why = error instanceof SyntaxError ? 'it is no JSON' : String((error as NodeJS.ErrnoException).code) // else a system error
    throw new Fault(`${flag}: ${file} cannot be read: ${why}`, 'name a readable JSON file')
  }
}
