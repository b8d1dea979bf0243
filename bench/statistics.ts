/** A few figures that describe many measurements. */

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  if (sorted.length % 2 === 1) return sorted[Math.floor(middle)] ?? NaN
  return ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

/** @param sorted ascending @param share 0.99 for the value that 99 of 100 values do not exceed */
export const percentile = (sorted: ArrayLike<number>, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN

export interface Ratio {
  median: number
  least: number
  most: number
}

/**
 * How many times `ours` is of `theirs`, round by round: the speed of the machine changes from round to round, and the
 * ratio of one round does not depend on it.
 */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Ratio {
  const ratios = ours.map((figure, round) => figure / (theirs[round] ?? NaN))
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) }
}

/** The values below which a quarter and three quarters lie. */
export function quartilesOf(numbers: readonly number[]): [lower: number, upper: number] {
  const sorted = numbers.toSorted((a, b) => a - b)
  return [percentile(sorted, 0.25), percentile(sorted, 0.75)]
}
