/** The name that was meant where one was misspelt: of a variable, a key of a file, a member, a client. */

/** ` (did you mean …?)` for a slip of one or two letters; of one where the name is short. */
export function nearest(name: string, known: Iterable<string>): string {
  const most = Math.min(2, Math.ceil(name.length / 3))
  const distances = [...known].map((each) => ({ each, distance: editDistance(each, name) }))
  const [close] = distances.filter(({ distance }) => distance <= most).toSorted((a, b) => a.distance - b.distance)
  return close ? ` (did you mean ${close.each}?)` : ''
}

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
