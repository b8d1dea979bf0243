/** The Host of a request. */
import type { IncomingMessage } from 'node:http'
import { isHost } from '../ground/target.ts'

/**
 * RFC 9112 §3.2: a request with two Host lines is refused, and so is HTTP/1.1 without one. Node keeps the first line
 * only. HTTP/1.0 may leave the host out.
 */
export function isOneHost({ headers, rawHeaders, httpVersion }: IncomingMessage): boolean {
  let lines = 0
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') lines += 1
  const isThere = lines > 0 || httpVersion === '1.0'
  return isThere && lines < 2 && isHost(headers.host)
}
