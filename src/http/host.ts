/** The Host of a request. */
import type { IncomingMessage } from 'node:http'
import { isHost } from '../ground/target.ts'

/** RFC 9112 §3.2: a request with two Host lines is refused. Node keeps the first one only. */
export function isOneHost({ headers, rawHeaders }: IncomingMessage): boolean {
  let lines = 0
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') lines += 1
  return lines < 2 && isHost(headers.host)
}
