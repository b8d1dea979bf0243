/**
 * Plain numbers, moved while requests are answered: how often, and how much. Each move is a look-up and an addition;
 * what the numbers are called outside is written in metrics/. Nothing here is ever forgotten, so labels come from
 * sets that no caller can make larger.
 */

/** How often things happened, told apart by up to three labels. */
export class Counts<Label extends string = string> {
  readonly labels: readonly Label[]
  readonly #first = new Map<string, Map<string, Map<string | number, number>>>()

  constructor(...labels: Label[]) {
    this.labels = labels
  }

  /** Counts one more. The values come in the order of the labels. */
  add(a: string, b = '', c: string | number = ''): void {
    let second = this.#first.get(a)
    if (!second) this.#first.set(a, (second = new Map()))
    let third = second.get(b)
    if (!third) second.set(b, (third = new Map()))
    third.set(c, (third.get(c) ?? 0) + 1)
  }

  /** What was counted so far. */
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

/** How values spread over ranges. */
export class Histogram {
  /** The upper bounds of the ranges, rising, each within its range; above the last there is one more. */
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

/** How often a cache had what it was asked for. */
export interface CacheCounts {
  hit: number
  miss: number
}
