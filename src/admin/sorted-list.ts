/** Lists that are in memory whole and in the order of their ids: answered whole, or page by page where it is asked for. */
import type { Context } from 'hono'
import { answerPage, readPage } from '../http/page.ts'
import type { Env } from '../http/rooms.ts'

/** @param items in the order of their ids, which are ASCII, so that this order is the database's */
export function answerSorted<Item>(
  c: Context<Env>,
  items: Item[],
  idOf: (item: Item) => string,
  view: (item: Item) => object,
): Response {
  const page = readPage(c)
  const { after } = page
  const rest = after === undefined ? items : items.filter((item) => idOf(item) > after)
  if (!c.req.query('limit')) return c.json(rest.map(view))
  return answerPage(c, page, rest.slice(0, page.limit), idOf, view)
}
