/** Readers of values: from the text of a variable to its typed value; `undefined` or a `Refusal` where it is not accepted. */
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { contrastOf } from '../ground/contrast.ts'
import { durationForm, parseDuration } from '../ground/duration.ts'
import { hasPictureName, readPicture } from '../ground/picture.ts'
import { pathFault, readFileUrl } from '../ground/path-name.ts'
import { isPostgresUrl, readPostgresUrl } from '../ground/postgres-url.ts'
import { readTarget } from '../ground/target.ts'
import { Refusal } from './variable.ts'

/**
 * Reader and accepted form of a duration between two bounds in seconds.
 * @param also a bound that another variable sets
 */
export const duration = (least: number, most = Infinity, also?: string) => ({
  accepts: [durationForm(least, most), also].filter((each) => each !== undefined).join(', '),
  parse: (text: string): number | undefined => {
    const seconds = parseDuration(text)
    return seconds !== undefined && seconds >= least && seconds <= most ? seconds : undefined
  },
})
export const oneOf =
  (...words: string[]) =>
  (text: string) =>
    words.includes(text) ? text : undefined
export const truth = (value: string) => (oneOf('true', 'false')(value) === undefined ? undefined : value === 'true')
/** An absolute path, so that every message shows the place that was tried. A relative one starts at the working directory. */
export const path = (value: string) => {
  const why = pathFault(value)
  return why === undefined ? resolve(value) : new Refusal(why)
}
export const databaseUrl = (value: string) => {
  if (!/^(file|postgres|postgresql):/i.test(value)) return undefined
  const read = isPostgresUrl(value) ? readPostgresUrl(value) : readFileUrl(value)
  return 'why' in read ? new Refusal(read.why) : value
}
export const integer = (least: number, most: number) => (value: string) =>
  /^\d{1,10}$/.test(value) && Number(value) >= least && Number(value) <= most ? Number(value) : undefined
export const rate = (value: string) => (value === 'off' ? Infinity : integer(1, 1_000_000_000)(value))

/** Whether plain http is allowed there depends on another variable: config.ts decides it. */
export function parseIssuer(value: string): string | undefined {
  // A space, query or fragment can be no part of it (RFC 8414 §2); the string itself is kept as written.
  if (!/^https?:\/\/[^\s?#]+$/.test(value) || !URL.canParse(value)) return undefined
  const url = new URL(value)
  if (url.username || url.password) return undefined
  // Requests to a path in another form are refused, so nothing below such an issuer could be reached.
  if (readTarget(value) === undefined || /[^\x21-\x7E]/.test(value)) return undefined
  return value
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

/** A list with commas, each part read by `one`; `undefined` where a part is not accepted. */
export const listOf = (one: (part: string) => string | undefined) => (value: string) => {
  const parts = value.split(',').map((part) => one(part.trim().toLowerCase()))
  return parts.every((part) => part !== undefined) ? parts : undefined
}

/** A domain or host name, without a port. */
export const parseDomain = (value: string): string | undefined =>
  value.length <= 253 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(value)
    ? value.toLowerCase()
    : undefined

/** A host name, an address or an IPv6 address in brackets; with a port or without. */
export function parseHostAndPort(value: string): string | undefined {
  const [, host = '', port] = /^(\[[\da-f:.]+\]|[^:]+)(?::(\d{1,5}))?$/i.exec(value) ?? []
  const isHost = host.startsWith('[') ? isIP(host.slice(1, -1)) === 6 : parseDomain(host) !== undefined
  return isHost && (port === undefined || integer(1, 65_535)(port) !== undefined) ? value : undefined
}

/** An http or https URL without blanks, quotes or angle brackets. */
export const parseWebUrl = (value: string): string | undefined =>
  /^https?:\/\/[^\s"'<>\\]+$/i.test(value) && URL.canParse(value) ? value : undefined

/** The path of an image that can be read, or an https URL. */
export function parseLogo(value: string): string | Refusal | undefined {
  if (/^[a-z][a-z\d+.-]*:/i.test(value)) return value.startsWith('https://') ? parseWebUrl(value) : undefined
  const file = hasPictureName(value) ? path(value) : undefined
  if (typeof file !== 'string') return file
  const read = readPicture(file)
  return 'why' in read ? new Refusal(`${file} ${read.why}`) : file
}

/** WCAG 2.2 §1.4.11: a control stands out from the page by 3:1. */
const LEAST_CONTRAST = 3

/** `#rgb` or `#rrggbb`, as `#rrggbb`. A colour that cannot be told from a white page is refused. */
export function parseColour(value: string): string | Refusal | undefined {
  const short = /^#([\da-f])([\da-f])([\da-f])$/i.exec(value)
  const colour = (
    short
      ? `#${short
          .slice(1)
          .flatMap((digit) => [digit, digit])
          .join('')}`
      : value
  ).toLowerCase()
  if (!/^#[\da-f]{6}$/.test(colour)) return undefined
  const found = contrastOf(colour, '#ffffff')
  if (found >= LEAST_CONTRAST) return colour
  return new Refusal(`its contrast with a white page is ${found.toFixed(1)}:1, below ${LEAST_CONTRAST}:1`)
}

/** A name on one line. */
export const parseTitle = (value: string): string | undefined =>
  value.length <= 60 && !/[\p{Cc}\p{Cf}]/u.test(value) ? value : undefined
