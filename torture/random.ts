/** Random figures that a seed repeats, so that a run that found a fault can be repeated. */
import { createHash } from 'node:crypto'

export interface Random {
  /** At least 0, less than 1. */
  next(): number
  /** A whole number of at least `from` and less than `to`. */
  between(from: number, to: number): number
  pick<T extends object | string | number>(list: readonly T[]): T
}

/** Mulberry32: 32 bits of state are enough to choose moments and places. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from))
  return {
    next,
    between,
    pick(list) {
      const picked = list[between(0, list.length)]
      if (picked === undefined) throw new Error('nothing to pick from')
      return picked
    },
  }
}

/** Makes a number from a text, so that the figures of a fault do not depend on the faults before it. */
export const seedOf = (text: string): number => createHash('sha256').update(text).digest().readUInt32BE()

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** So many characters of base64url, without meaning. */
export const lettersOf = (random: Random, length: number): string =>
  Array.from({ length }, () => ALPHABET[random.between(0, ALPHABET.length)]).join('')
