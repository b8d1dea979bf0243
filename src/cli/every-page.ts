/** Reads all pages of a list from the store. */
import type { Page } from '../store/records/facts.ts'

const PAGE = 1000

/** @param isWanted tells which items are kept; a page that ends with an item that is not is the last page */
export async function everyPage<Item>(
  list: (page: Page) => Promise<Item[]>,
  idOf: (item: Item) => string,
  isWanted: (item: Item) => boolean = () => true,
): Promise<Item[]> {
  const all: Item[] = []
  for (let after: string | undefined; ;) {
    const page = await list({ after, limit: PAGE })
    all.push(...page.filter(isWanted))
    const last = page.at(-1)
    if (!last || page.length < PAGE || !isWanted(last)) return all
    after = idOf(last)
  }
}
