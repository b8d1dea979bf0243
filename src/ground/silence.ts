/**
 * How long a replica goes on with what it knows while its database is silent. All bounds and their rules stand here, because
 * they rest on each other. `npm run model` searches these rules, with ticks for the bounds. Milliseconds.
 */

/** A replica that the database answers hears of a change within this time. */
export const NEWS_MS = 1000

/** A replica that is silent for longer takes no traffic: `/readyz` is 503. */
const READY_MS = 5000

/** A replica that is silent for longer could miss a denial: it answers no introspection, and ends the streams of the feed. */
const ANSWERS_MS = 10_000

/** A key is dated at most this long before its commit, because no act takes longer. */
export const COMMITTED_WITHIN_MS = 2000

/** Whether a replica still takes traffic, and so serves its key set. */
export const isReadyAfter = (silenceMs: number, readyMs = READY_MS): boolean => silenceMs <= readyMs

/** Whether a denial by another replica could be missing in memory. */
export const couldMissDenial = (silenceMs: number): boolean => silenceMs > ANSWERS_MS

/** This long after a key was committed, every replica that is still ready publishes it. */
export const publishedWithin = (readyMs = READY_MS): number => readyMs + NEWS_MS

/** This long after the date of a key, no replica that is ready serves a key set without it. */
export const fetchedWithin = (readyMs = READY_MS, committedWithinMs = COMMITTED_WITHIN_MS): number =>
  publishedWithin(readyMs) + committedWithinMs
