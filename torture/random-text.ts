/** Texts without meaning. */
import type { Random } from './random.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** So many characters of base64url. */
export const lettersOf = (random: Random, length: number): string =>
  Array.from({ length }, () => ALPHABET[random.between(0, ALPHABET.length)]).join('')
