/** How lists are paged (http/page.ts): `limit`, `after`, and `Link` to the next page. */
import { json, listOf, maybe, query, type Answer, type Parameter } from './operation.ts'

export const paging = (after: string): Parameter[] => [
  query('limit', 'At most so many.', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }),
  query('after', `What comes after this ${after}: the last one of the page before.`),
]

/** One page of a list, in JSON. */
export const page = (description: string, name: string, example: unknown): Answer =>
  json(description, listOf(name), [example], {
    Link: maybe('The next page, with `rel="next"`, where there may be one (RFC 8288).'),
  })
