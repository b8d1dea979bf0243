/**
 * Whether two lots of timings come from one distribution, as far as an attacker could tell: Welch's t-test as dudect
 * uses it (Reparaz, Balasch, Verbauwhede 2017), on samples without their slowest, which are the machine's and not
 * the code's.
 */

/** The slowest tenth of both together is left out. */
const KEPT = 0.9

interface Moments {
  count: number
  mean: number
  variance: number
}

export interface Comparison {
  /** Welch's t; beyond ±10 dudect calls two distributions different for certain. */
  t: number
  /** How much later the second lot comes, in the unit of the samples. */
  difference: number
}

export function compare(first: number[], second: number[]): Comparison {
  const limit = quantile([...first, ...second], KEPT)
  const [one, other] = [momentsOf(first, limit), momentsOf(second, limit)]
  const difference = other.mean - one.mean
  const error = Math.sqrt(one.variance / one.count + other.variance / other.count)
  return { t: difference / error, difference }
}

function quantile(samples: number[], part: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length * part)] ?? NaN
}

function momentsOf(samples: number[], limit: number): Moments {
  const kept = samples.filter((each) => each <= limit)
  const mean = kept.reduce((sum, each) => sum + each, 0) / kept.length
  const variance = kept.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (kept.length - 1)
  return { count: kept.length, mean, variance }
}
