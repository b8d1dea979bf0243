/** How long an act or a reading may take in all. Milliseconds of `performance.now()`. */

/** A little below the two seconds after which the caller must have its 503. */
const LIMIT_MS = 1800

/** The deadline of something that begins now. */
export const patienceLeft = (): number => performance.now() + LIMIT_MS
