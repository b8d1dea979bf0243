/** How the time of some work grows with the length of its text. Two lengths are measured side by side; no time is judged by itself. */

/** A length is worked on at most this often. The shortest time counts, since a busy machine can only make it longer. */
const ROUNDS = 9
const TRIES = 4

/** Linear work takes twice the time for twice the length, quadratic work four times. */
const MOST_GROWTH = 3

/** From this many milliseconds on a clock can tell two times apart. */
const MEASURABLE_MS = 0.4

type Work = (text: string) => unknown

function timeOnce(work: Work, text: string): number {
  const began = performance.now()
  work(text)
  return performance.now() - began
}

/** How many times longer the work takes for twice the length. */
function growth(work: Work, make: (length: number) => string, length: number): number {
  const [short, long] = [make(length), make(2 * length)]
  let [shortest, longest] = [Infinity, Infinity]
  for (let round = 0; round < ROUNDS; round += 1) {
    shortest = Math.min(shortest, timeOnce(work, short))
    longest = Math.min(longest, timeOnce(work, long))
  }
  return longest / shortest
}

/**
 * Whether the work grows faster than its text. Work that is too fast to be measured at the greatest length does not.
 * @param least the first length. It lies above the bound of work that looks at so much text and no more.
 */
export function growsFasterThanItsText(
  work: Work,
  make: (length: number) => string,
  { least = 128, most = 8192 } = {},
): boolean {
  for (let length = least; length <= most; length *= 4) {
    const text = make(length)
    // Twice: the first run compiles.
    const time = Math.min(timeOnce(work, text), timeOnce(work, text))
    if (time <= MEASURABLE_MS) continue
    // A busy machine can spoil one measurement, and not all of them.
    return Array.from({ length: TRIES }).every(() => growth(work, make, length / 2) > MOST_GROWTH)
  }
  return false
}
