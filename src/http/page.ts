/** Paging of lists: `?limit=` and `?after=` the last id that the caller has. */
import type { Context } from 'hono'
import { invalidRequest } from '../ground/errors.ts'
import type { Page } from '../store/store.ts'
import type { Env } from './rooms.ts'

const MOST = 1000

export function readPage(c: Context<Env>): Page {
  const limit = c.req.query('limit') || '100'
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > MOST)
    throw invalidRequest(`limit is a number from 1 to ${MOST}`)
  return { after: c.req.query('after') || undefined, limit: Number(limit) }
}

/** Answers a list; a full page names the next one in `Link` (RFC 8288). */
export function answerPage<Item>(
  c: Context<Env>,
  page: Page,
  items: Item[],
  idOf: (item: Item) => string,
  view: (item: Item) => object,
): Response {
  const last = items.at(-1)
  if (items.length === page.limit && last !== undefined) {
    const query = new URLSearchParams({ ...c.req.query(), after: idOf(last) })
    c.header('Link', `<?${query.toString()}>; rel="next"`)
  }
  return c.json(items.map(view))
}
