/**
 * Loaded before Signet by `--import`, where a sweep is to be watched: what would begin about a minute after the start
 * begins after three seconds.
 */
const ABOUT_A_MINUTE = { least: 50_000, most: 70_000 }
const SOON_MS = 3000

const later = globalThis.setTimeout

// Whatever a timer may be given, it is passed on; only the delay is another.
globalThis.setTimeout = Object.assign(
  (callback: (...args: unknown[]) => void, delay = 0, ...args: unknown[]) =>
    later(callback, delay >= ABOUT_A_MINUTE.least && delay <= ABOUT_A_MINUTE.most ? SOON_MS : delay, ...args),
  { __promisify__: later.__promisify__ },
) as typeof later
