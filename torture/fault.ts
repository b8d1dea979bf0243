/**
 * The interface of a fault or load in `npm run torture`. To add a fault, write a file in `faults/` that exports a `Fault`,
 * and add its line in `faults/index.ts`. A fault starts real processes on folders of its own, breaks something, and
 * returns findings: figures beside their bounds, and controls, which show that a bound can be missed. It never prints,
 * it undoes everything by `context.onEnd`, and it draws every random figure from `context.random`.
 */
import type { Finding } from './finding.ts'
import type { Random } from './random.ts'

export interface Fault {
  /** For `--only`. */
  name: string
  /** The first column of the table. */
  title: string
  run(context: Context): Promise<Finding[]>
}

export interface Context {
  /** A number of repetitions: in the short form, and in the long one. */
  count(short: number, long: number): number
  /** The same draws for the same `--seed` and fault. */
  random: Random
  /** Reports progress on stderr. It may be called often, and prints every few seconds at most. */
  progress(text: string): void
  /**
   * Registers work that undoes something after the fault, whether it held or threw. The last registered work runs first.
   * If the run is broken off, only the work before the first `await` is done.
   */
  onEnd(work: () => void | Promise<void>): void
  /** A folder that is gone afterwards. */
  folder(): string
}
