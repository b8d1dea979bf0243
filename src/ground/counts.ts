/**
 * Numbers that count while requests are answered. Each count is a look-up and an addition. `metrics/` gives them
 * their public names. No count is ever removed, so labels come from sets that no caller can make larger.
 */

/** How often events happened, by up to three labels. */
export class Counts<Label extends string = string> {
  readonly labels: readonly Label[]
  readonly #first = new Map<string, Map<string, Map<string | number, number>>>()

  constructor(...labels: Label[]) {
    this.labels = labels
  }

  /** Counts one event. The values come in the order of the labels. */
  add(a: string, b = '', c: string | number = ''): void {
    let second = this.#first.get(a)
    if (!second) this.#first.set(a, (second = new Map()))
    let third = second.get(b)
    if (!third) second.set(b, (third = new Map()))
    third.set(c, (third.get(c) ?? 0) + 1)
  }

  /** All counts so far. */
  *rows(): Iterable<{ labels: Record<string, string>; value: number }> {
    for (const [a, second] of this.#first) {
      for (const [b, third] of second) {
        for (const [c, value] of third) yield { labels: this.#named([a, b, String(c)]), value }
      }
    }
  }

  #named(values: string[]): Record<string, string> {
    return Object.fromEntries(this.labels.map((label, at) => [label, values[at] ?? '']))
  }
}

/** How many values fell into each range. */
export class Histogram {
  /** Upper bounds of the ranges, rising. A bound belongs to its range. A last range follows the last bound. */
  readonly bounds: readonly number[]
  /** How many values fell into each range. */
  readonly counts: number[]
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  observe(value: number): void {
    let range = 0
    while (value > (this.bounds[range] ?? Infinity)) range += 1
    this.counts[range] = (this.counts[range] ?? 0) + 1
    this.sum += value
  }

  get count(): number {
    return this.counts.reduce((total, each) => total + each, 0)
  }
}

/** How often a cache had the value (hit) or not (miss). */
export interface CacheCounts {
  hit: number
  miss: number
}
