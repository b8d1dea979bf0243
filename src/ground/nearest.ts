/** The name that was meant where a name is misspelt: of a variable, a key of a file, a member, a client. */

/** Longer names are not compared, because the time grows with the square of the length. */
const MOST_CHARACTERS = 128

/** ` (did you mean …?)` for a slip of one or two letters, or of one letter where the name is short. */
export function nearest(name: string, known: Iterable<string>): string {
  if (name.length > MOST_CHARACTERS) return ''
  const most = Math.min(2, Math.ceil(name.length / 3))
  const distances = [...known]
    // The distance is never less than the difference in length.
    .filter((each) => Math.abs(each.length - name.length) <= most)
    .map((each) => ({ each, distance: editDistance(each, name) }))
  const [close] = distances.filter(({ distance }) => distance <= most).toSorted((a, b) => a.distance - b.distance)
  return close ? ` (did you mean ${close.each}?)` : ''
}

/** Levenshtein's distance: how many letters are left out, added or mistaken. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      next.push(Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + cost))
    }
    row = next
  }
  return row[b.length] ?? 0
}
