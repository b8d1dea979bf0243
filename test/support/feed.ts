/** The blacklist and its feed over HTTP: entries are added and lifted by the operator, and anybody reads the feed. */
import { createHash } from 'node:crypto'
import type { AdministeredIssuer } from './admin.ts'
import { request, type Answer } from './client.ts'

/** An entry as the feed shows it. */
export interface FeedEntry {
  id: string
  kind: string
  hash: string
  issued_before: number
  expires_at: number
}

export const hashOf = (kind: string, value: string): string =>
  createHash('sha256').update(`${kind}:${value}`).digest('base64url')

export const add = ({ operator }: AdministeredIssuer, entry: object): Promise<Answer> =>
  operator.call('POST', '/blacklist', entry)

export const lift = ({ operator }: AdministeredIssuer, id: string): Promise<Answer> =>
  operator.call('DELETE', `/blacklist/${id}`)

export const feedOf = (at: { url: string }, query = '', headers: Record<string, string> = {}): Promise<Answer> =>
  request(`${at.url}/blacklist/feed${query}`, { headers })
