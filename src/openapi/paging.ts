/** How lists are paged (http/page.ts): `limit`, `after`, and `Link` to the next page. */
import { json, listOf, maybe, query, type Answer, type Parameter } from './operation.ts'

const LIMIT = { type: 'integer', minimum: 1, maximum: 1000 } as const

const afterLast = (id: string): Parameter =>
  query('after', `What comes after this ${id}: the last one of the page before.`)

export const paging = (id: string): Parameter[] => [
  query('limit', 'At most so many.', { ...LIMIT, default: 100 }),
  afterLast(id),
]

/** Of lists that are given whole where no `limit` is. */
export const optionalPaging = (id: string): Parameter[] => [
  query('limit', 'At most so many; all of them where it is left out.', LIMIT),
  afterLast(id),
]

/** One page of a list, in JSON. */
export const page = (description: string, name: string, example: unknown): Answer =>
  json(description, listOf(name), [example], {
    Link: maybe('The next page, with `rel="next"`, where there may be one (RFC 8288).'),
  })
