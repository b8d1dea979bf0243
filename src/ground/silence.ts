/**
 * How long a replica goes on with what it knows while its database is silent. All bounds stand here, because they rest on
 * each other. Milliseconds.
 */

/** A replica that is silent for longer takes no traffic: `/readyz` is 503. */
export const READY_MS = 5000

/** A replica that is silent for longer could miss a denial: it answers no introspection and serves no feed. */
export const ANSWERS_MS = 10_000

/** After so long, every replica that is still ready publishes a key that was committed before: READY_MS, and a margin. */
export const PUBLISHED_WITHIN_MS = READY_MS + 1000

/** A key may be dated so long before its commit: no act takes longer. */
const COMMITTED_WITHIN_MS = 2000

/** After so long, no key set is fetched any more that lacks a key of that date. */
export const FETCHED_WITHIN_MS = PUBLISHED_WITHIN_MS + COMMITTED_WITHIN_MS
