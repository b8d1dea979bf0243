/** Paging of lists: `?limit=` and `?after=` the last id of the page before. */
import { listOf, maybe, type AnswerShape, type Shape } from '../ground/shape.ts'
import { invalidRequest } from '../ground/errors.ts'
import type { Page } from '../store/records/facts.ts'
import { json, type Reply } from './reply.ts'
import type { Call } from './route.ts'

const MOST = 1000
const LIMIT = { type: 'integer', minimum: 1, maximum: MOST }

/**
 * A parameter that narrows a list. An empty one is refused: it comes of a variable that is not set, and would not narrow
 * the list.
 */
export const narrowing = (says: string) => ({ says, schema: { type: 'string', minLength: 1 } })

type PageQuery = 'limit' | 'after'

/** The two parameters of a list. @param id the member that a page is ordered by */
export const paging = (id: string) => ({
  limit: { says: 'At most so many.', schema: { ...LIMIT, default: 100 } },
  after: afterLast(id),
})

/** The same, of a list that is given whole where `limit` is left out. */
export const optionalPaging = (id: string) => ({
  limit: { says: 'At most so many; all of them where it is left out.', schema: LIMIT },
  after: afterLast(id),
})

const afterLast = (id: string) => ({ says: `What comes after this \`${id}\`: the last one of the page before.` })

/** A page of a list, for the description. */
export const pageOf = (says: string, shape: Shape): AnswerShape =>
  listOf(says, shape, { Link: maybe('The next page, with `rel="next"`, where there may be one (RFC 8288).') })

/** The form of the ids that Signet makes itself. */
const MADE_ID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i

/** A page of a list whose ids Signet makes itself. @throws OAuthError `invalid_request` for an `after` that is none of them */
export function readPageOfIds(call: Pick<Call<string, PageQuery>, 'query'>): Page {
  const page = readPage(call)
  if (page.after !== undefined && !MADE_ID.test(page.after)) throw invalidRequest(NO_CURSOR)
  return page
}

export const NO_CURSOR = 'after is no cursor of this list: send the last one of the page before, as it is'

/** @throws OAuthError `invalid_request` for another `limit` than 1 to 1000 */
export function readPage({ query }: Pick<Call<string, PageQuery>, 'query'>): Page {
  const limit = query.limit || '100'
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > MOST)
    throw invalidRequest(`limit is a number from 1 to ${MOST}`)
  return { after: query.after || undefined, limit: Number(limit) }
}

/** Answers a list; a full page names the next one in `Link` (RFC 8288). */
export function answerPage<Item>(
  { query }: Pick<Call, 'query'>,
  page: Page,
  items: Item[],
  idOf: (item: Item) => string,
  view: (item: Item) => object,
): Reply {
  const last = items.at(-1)
  const isFull = items.length === page.limit && last !== undefined
  const next = isFull ? new URLSearchParams({ ...query, after: idOf(last) }) : undefined
  return json(items.map(view), 200, next ? ['Link', `<?${next.toString()}>; rel="next"`] : [])
}

/**
 * A list that is in memory whole: answered whole, or page by page where `limit` is given.
 * @param items in the order of their ids. Ids are ASCII, so this order is the database's.
 */
export function answerSorted<Item>(
  call: Pick<Call<string, PageQuery>, 'query'>,
  items: Item[],
  idOf: (item: Item) => string,
  view: (item: Item) => object,
): Reply {
  const page = readPage(call)
  const { after } = page
  const rest = after === undefined ? items : items.filter((item) => idOf(item) > after)
  if (!call.query.limit) return json(rest.map(view))
  return answerPage(call, page, rest.slice(0, page.limit), idOf, view)
}
