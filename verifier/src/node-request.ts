/** Reads headers of a request as Node's own server gives it, to Express and Fastify alike. */
import type { IncomingMessage } from 'node:http'

/** Node keeps the first of several Host headers, another server may take the last: then no host is to be believed. */
export const hasOneHost = (request: IncomingMessage): boolean => (distinct(request, 'host')?.length ?? 1) <= 1

export function nodeHeader(request: IncomingMessage, name: string): string | undefined {
  // Of several Authorization headers Node keeps the first; another server before or behind may take the last.
  const value = name === 'authorization' ? (distinct(request, name) ?? request.headers[name]) : request.headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

/** Absent in simulated requests, such as those of test injection. */
const distinct = (request: Partial<Pick<IncomingMessage, 'headersDistinct'>>, name: string): string[] | undefined =>
  request.headersDistinct?.[name]
