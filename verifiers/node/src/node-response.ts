/** Completes the challenge of a response of Node's own server, just before its head is sent. */
import type { ServerResponse } from 'node:http'

/**
 * @param complete is given the status and `WWW-Authenticate`; its result replaces the header, `undefined` leaves it
 */
export function onHead(
  response: ServerResponse,
  complete: (status: number, challenge: string | undefined) => string | undefined,
): void {
  const writeHead = response.writeHead.bind(response)
  response.writeHead = (status: number, ...rest: unknown[]) => {
    const message = rest.find((each) => typeof each === 'string')
    const headers = rest.find((each) => typeof each === 'object' && each !== null)
    for (const [name, value] of pairsOf(headers)) response.setHeader(name, value)
    const told = response.getHeader('www-authenticate')
    const challenge = complete(status, Array.isArray(told) ? told.join(', ') : told?.toString())
    if (challenge !== undefined) response.setHeader('www-authenticate', challenge)
    return message === undefined ? writeHead(status) : writeHead(status, message)
  }
}

/** Headers come as an object, or as a flat list of names and values, in which names may repeat. */
function pairsOf(headers: unknown): [string, string | string[]][] {
  if (!Array.isArray(headers)) return Object.entries((headers ?? {}) as Record<string, string | string[]>) // Node takes no other
  const pairs = new Map<string, string[]>()
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = String(headers[at])
    const value: unknown = headers[at + 1]
    pairs.set(name, [...(pairs.get(name) ?? []), ...(Array.isArray(value) ? value.map(String) : [String(value)])])
  }
  return [...pairs].map(([name, values]) => [name, values.length === 1 ? (values[0] ?? '') : values])
}
