/** Reads the header `Accept` (RFC 9110 §12.5.1). */

/** Longer headers are cut: no client sends them. */
const MOST_CHARACTERS = 1000

/**
 * Whether the caller prefers a media type to another one, and names it: `*` alone asks for nothing special. Types are
 * compared without regard to case, and `q=0` refuses.
 */
export function prefers(accept: string | undefined, type: string, other: string): boolean {
  const ranges = rangesOf(accept ?? '')
  const weight = ranges.get(type) ?? 0
  return weight > 0 && weight >= (ranges.get(other) ?? 0)
}

/** The weight of each media range. A weight that cannot be read is the least that accepts. */
function rangesOf(accept: string): Map<string, number> {
  const ranges = new Map<string, number>()
  for (const part of accept.slice(0, MOST_CHARACTERS).toLowerCase().split(',')) {
    const [range = '', ...parameters] = part.split(';').map((each) => each.trim())
    const weight = parameters.find((each) => each.startsWith('q='))?.slice(2) ?? '1'
    ranges.set(range, /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? Number(weight) : 0.001)
  }
  return ranges
}
