/**
 * Loaded before Signet by `--import`, to watch a sweep: work that would begin about a minute after the start begins
 * after three seconds.
 */
const ABOUT_A_MINUTE = { least: 50_000, most: 70_000 }
const SOON_MS = 3000

const later = globalThis.setTimeout

// All arguments of a timer are passed on; only the delay changes.
globalThis.setTimeout = Object.assign(
  (callback: (...args: unknown[]) => void, delay = 0, ...args: unknown[]) =>
    later(callback, delay >= ABOUT_A_MINUTE.least && delay <= ABOUT_A_MINUTE.most ? SOON_MS : delay, ...args),
  { __promisify__: later.__promisify__ },
) as typeof later
