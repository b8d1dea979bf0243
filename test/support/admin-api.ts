/** Calls of the admin API by the operator of an issuer, and the pages of its lists. */
import { expect } from 'vitest'
import type { AdministeredIssuer } from './admin.ts'
import type { Answer } from './client.ts'

/** The path of the admin API below a name. */
export const at = (path: string): string => `/admin/api/${path}`

export const ask = ({ operator }: AdministeredIssuer, path: string): Promise<Answer> => operator.call('GET', at(path))

export const send = ({ operator }: AdministeredIssuer, method: string, path: string, json?: unknown): Promise<Answer> =>
  operator.call(method, at(path), json)

/** The items of a list: an answer's body is an array there. */
export const items = (answer: Answer): Record<string, any>[] => answer.body as unknown as Record<string, any>[]

/** Follows `Link: rel="next"` to the end. */
export async function walk(
  issuer: AdministeredIssuer,
  path: string,
): Promise<{ pages: number; rows: Record<string, any>[] }> {
  const rows: Record<string, any>[] = []
  let url = new URL(at(path), issuer.url)
  for (let pages = 1; ; pages++) {
    const answer = await issuer.operator.call('GET', url.pathname + url.search)
    expect(answer.status).toBe(200)
    rows.push(...items(answer))
    const next = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1]
    if (next === undefined) return { pages, rows }
    url = new URL(next, url)
  }
}
