/**
 * What a fault or load is to `npm run torture`. To add one: a file in `faults/` that exports a `Fault`, and its
 * line in `faults/index.ts`. A fault starts real processes on folders of its own, breaks something, and returns
 * findings: figures beside their bounds, and negative controls, which show that the oracle can fail at all. It
 * never prints, never leaves anything behind (`context.onEnd`), and draws every random figure from `context.random`.
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
  /** How often something is done: in the short form of the table, and in the long one. */
  count(short: number, long: number): number
  /** The same draws for the same `--seed` and fault. */
  random: Random
  /** Tells on stderr how far it is; as often as wanted, it is printed every few seconds at most. */
  progress(text: string): void
  /**
   * Undoes something when the fault has been run, whether it held or threw; the last one first. Where the run is
   * broken off, only what is done before the first `await` counts.
   */
  onEnd(work: () => void | Promise<void>): void
  /** A folder that is gone afterwards. */
  folder(): string
}
