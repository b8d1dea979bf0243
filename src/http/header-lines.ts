/** Header lines that a request may have once. */
import type { IncomingMessage } from 'node:http'
import { isHost } from '../ground/target.ts'

/**
 * RFC 9110 §5.3: none of these is a list. Node keeps the first line and drops the others, and a proxy in front may have
 * judged another one.
 */
const ONCE = ['host', 'authorization', 'content-type'] as const

export const NO_HOST = 'the request needs one Host header that names a host'

/** The fault of a request's header lines, if they have one. HTTP/1.0 may leave the host out (RFC 9112 §3.2). */
export function faultOfHeaders({ headers, rawHeaders, httpVersion }: IncomingMessage): string | undefined {
  const twice = findTwice(rawHeaders)
  if (twice !== undefined && twice !== 'host') return `the header ${twice} was sent more than once`
  const isThere = headers.host !== undefined || httpVersion === '1.0'
  return isThere && twice === undefined && isHost(headers.host) ? undefined : NO_HOST
}

/** Each by the length of its name: no two have the same, and every request passes here. */
const BY_LENGTH: ((typeof ONCE)[number] | undefined)[] = []
for (const name of ONCE) BY_LENGTH[name.length] = name

function findTwice(rawHeaders: string[]): (typeof ONCE)[number] | undefined {
  let seen = ''
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const sent = rawHeaders[at] ?? ''
    const name = BY_LENGTH[sent.length]
    if (name === undefined || sent.toLowerCase() !== name) continue
    if (seen.includes(name)) return name
    seen += name
  }
  return undefined
}
