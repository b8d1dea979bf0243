/** How long an act or a reading may take in all. Milliseconds of `performance.now()`. */
import type { Patience } from '../engine.ts'

const LIMITS_MS: Record<Patience, number> = {
  // A little below the two seconds after which the caller must have its 503.
  request: 1800,
  operator: 60_000,
}

/** The deadline of something that begins now. */
export const patienceLeft = (patience: Patience = 'request'): number => performance.now() + LIMITS_MS[patience]
