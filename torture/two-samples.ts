/**
 * Whether an attacker could tell two sets of timings apart: Welch's t-test as dudect uses it (Reparaz, Balasch,
 * Verbauwhede 2017). The slowest samples are left out, because the machine causes them and not the code.
 */

/** The slowest tenth of both sets together is left out. */
const KEPT = 0.9

interface Moments {
  count: number
  mean: number
  variance: number
}

export interface Comparison {
  /** Welch's t; beyond ±10 dudect calls two distributions different for certain. */
  t: number
  /** The mean of the second set less the mean of the first, in the unit of the samples. */
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
