/** Readers of values: from the text of a variable to its typed value; `undefined` or a `Refusal` where it is not accepted. */
import { isIP } from 'node:net'
import { parseDuration } from '../ground/duration.ts'
import { pathFault, readFileUrl } from '../ground/path-name.ts'
import { isPostgresUrl, readPostgresUrl } from '../ground/postgres-url.ts'
import { readTarget } from '../ground/target.ts'
import { Refusal } from '../ground/variable.ts'
import { isLoopback } from './loopback.ts'

export const duration =
  (least: number, most = Infinity) =>
  (text: string) => {
    const seconds = parseDuration(text)
    return seconds !== undefined && seconds >= least && seconds <= most ? seconds : undefined
  }
export const oneOf =
  (...words: string[]) =>
  (text: string) =>
    words.includes(text) ? text : undefined
export const path = (value: string) => {
  const why = pathFault(value)
  return why === undefined ? value : new Refusal(why)
}
export const databaseUrl = (value: string) => {
  if (!/^(file|postgres|postgresql):/i.test(value)) return undefined
  const read = isPostgresUrl(value) ? readPostgresUrl(value) : readFileUrl(value)
  return 'why' in read ? new Refusal(read.why) : value
}
export const integer = (least: number, most: number) => (value: string) =>
  /^\d{1,10}$/.test(value) && Number(value) >= least && Number(value) <= most ? Number(value) : undefined
export const rate = (value: string) => (value === 'off' ? Infinity : integer(1, 1_000_000_000)(value))

export function parseIssuer(value: string): string | undefined {
  // A space, query or fragment can be no part of it (RFC 8414 §2); the string itself is kept as written.
  if (!/^https?:\/\/[^\s?#]+$/.test(value) || !URL.canParse(value)) return undefined
  const url = new URL(value)
  if (url.username || url.password) return undefined
  // Requests to a path in another form are refused, so nothing below such an issuer could be reached.
  if (readTarget(value) === undefined || /[^\x21-\x7E]/.test(value)) return undefined
  return url.protocol === 'https:' || isLoopback(url.hostname) ? value : undefined
}

/** Addresses and CIDRs as written; a zone (`%eth0`) is none of an address's network. */
export function parseProxies(value: string): string[] | undefined {
  if (value === 'none') return []
  const parts = value.split(',').map((part) => part.trim())
  const isGood = (part: string) => {
    const [address = '', bits, ...more] = part.split('/')
    const most = { 4: 32, 6: 128 }[isIP(address)]
    if (most === undefined || address.includes('%') || more.length > 0) return false
    return bits === undefined || integer(0, most)(bits) !== undefined
  }
  return parts.every((part) => part === 'loopback' || isGood(part)) ? parts : undefined
}

/** An address may be in the brackets that a URL needs; the system takes it without. */
export function parseHost(value: string): string | undefined {
  const inBrackets = /^\[(.*)\]$/.exec(value)?.[1]
  if (inBrackets !== undefined) return isIP(inBrackets) === 6 ? inBrackets : undefined
  return isIP(value) !== 0 || /^[A-Za-z0-9._-]+$/.test(value) ? value : undefined
}

/** Of a secret, messages show the length. */
export const lengthOf = (value: string) => `${value.length} characters`
/** A URL without its password: what stands between the user and the last @, and the query. */
export const withoutPassword = (value: string) =>
  JSON.stringify(value.replace(/^((?:[a-z][a-z0-9+.-]*:\/\/)?[^:/@]*):.*@/is, '$1:…@').replace(/\?.*$/s, '?…'))
