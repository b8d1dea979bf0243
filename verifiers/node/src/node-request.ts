/** Reads headers of a request from Node's own server, for Express and Fastify. */
import type { IncomingMessage } from 'node:http'

/** Node keeps the first of several Host headers, and another server may take the last, so none is believed. */
export const hasOneHost = (request: IncomingMessage): boolean => (distinct(request, 'host')?.length ?? 1) <= 1

export function nodeHeader(request: IncomingMessage, name: string): string | undefined {
  // Node keeps the first of several Authorization headers, and another server may take the last.
  const value = name === 'authorization' ? (distinct(request, name) ?? request.headers[name]) : request.headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** Absent in simulated requests, such as those of test injection. */
const distinct = (request: Partial<Pick<IncomingMessage, 'headersDistinct'>>, name: string): string[] | undefined =>
  request.headersDistinct?.[name]
