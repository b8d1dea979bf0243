/**
 * Many requests for a test about their number, and not about their coming together: a few of them are under way at a time.
 * On PostgreSQL a write may wait for all before it. A request that waits too long gets 503, which is right.
 */
const AT_ONCE = 4

/** @returns the results by index */
export async function fewAtOnce<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const made: T[] = []
  const waiting = Array.from({ length: count }).keys()
  const work = async (): Promise<void> => {
    for (const index of waiting) made[index] = await make(index)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return made
}
