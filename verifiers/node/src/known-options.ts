/** Refuses unknown options: a misspelt setting would be off without anybody noticing. */

/** @throws TypeError naming the unknown option, and the most similar known one */
export function requireKnown(what: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name))
  if (unknown === undefined) return
  const near = nearest(unknown, known)
  const help = near === undefined ? `it takes ${known.join(', ')}` : `did you mean ${near}?`
  throw new TypeError(`${what} has no option '${unknown}': ${help}`)
}

const MOST_SLIPS = 2

function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = known
    .filter((each) => Math.abs(each.length - name.length) <= MOST_SLIPS)
    .map((each) => ({ each, slips: slipsBetween(name.toLowerCase(), each.toLowerCase()) }))
    .toSorted((one, other) => one.slips - other.slips)
  return best && best.slips <= MOST_SLIPS ? best.each : undefined
}

/** Levenshtein's distance: letters left out, added or mistaken. */
function slipsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const [index, letter] of one.split('').entries()) {
    const next = [index + 1]
    for (const [at, wanted] of other.split('').entries()) {
      const replaced = (row[at] ?? 0) + (letter === wanted ? 0 : 1)
      next.push(Math.min(replaced, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
