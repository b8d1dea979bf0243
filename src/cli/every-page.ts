/** Reads all pages of a list from the store. */
import type { Page } from '../store/records/facts.ts'

const PAGE = 1000

export async function everyPage<Item>(
  list: (page: Page) => Promise<Item[]>,
  idOf: (item: Item) => string,
): Promise<Item[]> {
  const all: Item[] = []
  for (;;) {
    const last = all.at(-1)
    const page = await list({ after: last === undefined ? undefined : idOf(last), limit: PAGE })
    all.push(...page)
    if (page.length < PAGE) return all
  }
}
