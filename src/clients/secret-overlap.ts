/** Which earlier secrets of a client stay good beside a new one. A function of the records and the time. */
import type { Instant } from '../ground/clock.ts'
import type { ClientSecret } from '../store/records/client.ts'

/** How many old secrets may be in their overlap at the same time. */
export const MOST_LEAVING = 3

/**
 * The secret that was current until now always keeps its overlap. Beside it stay those that were used last: a rotation that
 * is retried makes secrets that nobody uses, and they must not displace one in use. A use is written some seconds late, so
 * that of secrets without a use the older ones stay.
 * @param end when the overlap ends, or `now` where there is none
 * @returns those that stay, with their end; and those that end at once
 */
export function leaving(
  secrets: readonly ClientSecret[],
  end: Instant,
  now: Instant,
): { staying: ClientSecret[]; ended: ClientSecret[] } {
  const standing = secrets.filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
  const isCurrent = ({ expiresAt }: ClientSecret) => Number(expiresAt === null)
  const usedAt = ({ lastUsedAt }: ClientSecret) => lastUsedAt ?? 0
  const staying = (end > now ? standing : [])
    .toSorted((a, b) => isCurrent(b) - isCurrent(a) || usedAt(b) - usedAt(a) || a.createdAt - b.createdAt)
    .slice(0, MOST_LEAVING)
    .map((old) => ({ ...old, expiresAt: Math.min(end, old.expiresAt ?? end) }))
  const ended = standing.filter(({ id }) => !staying.some((each) => each.id === id))
  return { staying, ended: ended.map((old) => ({ ...old, expiresAt: now })) }
}
