/** Every latency of a job, in milliseconds. A histogram would be smaller, and less exact. */
export class Latencies {
  #values = new Float64Array(65_536)
  #count = 0

  add(milliseconds: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#count++] = milliseconds
  }

  sorted(): Float64Array {
    return this.#values.slice(0, this.#count).sort()
  }
}
