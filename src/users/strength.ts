/**
 * Which passwords people may choose. The lengths are those of NIST SP 800-63B-4 §3.1.1: 15 characters where a password is
 * the only factor, 8 where a second factor is always asked for. A password of 12 to 14 characters is accepted as the only
 * factor if an estimate says that it needs 10^8 guesses at least: the throttle allows a source one guess a minute, and
 * argon2id makes a stolen database expensive. A longer password must not consist of a well-known or repeated text alone.
 * There are no rules about kinds of characters and no expiry (ibid.).
 */
import type { ZxcvbnFactory } from '@zxcvbn-ts/core'
import type { Config } from '../config/setting.ts'

const LEAST_CHARACTERS = { alone: 12, withSecond: 8 } as const
/** From this length on, a password is long enough for NIST as the only factor. */
const LONG = 15
/** Hashing time grows with the length, and no password needs more characters. */
export const MOST_PASSWORD_CHARACTERS = 256

/** Powers of ten. */
const GUESSES = { short: 8, long: 6 } as const

/** The estimate takes time that grows faster than the length, so it looks at the beginning alone. */
const ESTIMATED_CHARACTERS = 40

/** `short`, `long`: its length is not accepted. `weak`: it can be guessed. */
export type Weakness = 'short' | 'long' | 'weak'

/** As it is hashed: one form for one text, whatever keyboard it was typed on (NIST SP 800-63B-4 §3.1.1.2). */
export const normalPassword = (typed: string): string => typed.normalize('NFKC')

const charactersOf = (password: string): number => Array.from(password).length

/** The shortest length of a password: shorter where a second factor is required (NIST SP 800-63B-4 §3.1.1.2). */
export const leastCharacters = ({ mfa }: Pick<Config, 'mfa'>): number =>
  mfa === 'required' ? LEAST_CHARACTERS.withSecond : LEAST_CHARACTERS.alone

/**
 * Why a password cannot be chosen, if it cannot.
 * @param personal texts that a guesser knows: names, addresses, the brand
 */
export async function findWeakness(
  typed: string,
  personal: (string | null | undefined)[],
  config: Pick<Config, 'mfa' | 'brandName'>,
): Promise<Weakness | undefined> {
  // Before anything else, so that nobody has a long text normalized.
  if (typed.length > MOST_PASSWORD_CHARACTERS) return 'long'
  const password = normalPassword(typed)
  const length = charactersOf(password)
  if (length > MOST_PASSWORD_CHARACTERS) return 'long'
  if (length < leastCharacters(config)) return 'short'
  const known = [...personal, config.brandName, 'signet'].flatMap((each) => each?.split(/[\s@]+/) ?? [])
  const estimated = await estimator()
  const guesses = (text: string) => estimated.check(text.slice(0, ESTIMATED_CHARACTERS), known).guessesLog10
  if (guesses(password) < (length < LONG ? GUESSES.short : GUESSES.long)) return 'weak'
  return guesses(withoutWords(password, known)) < GUESSES.long ? 'weak' : undefined
}

/** A word of the person makes no password longer. Shorter ones stand in other words by chance. */
const LEAST_WORD = 3

function withoutWords(password: string, words: string[]): string {
  let rest = password.toLowerCase()
  for (const word of words.map((each) => each.toLowerCase()))
    if (word.length >= LEAST_WORD) rest = rest.replaceAll(word, '')
  return rest
}

let loaded: Promise<ZxcvbnFactory> | undefined

/** The dictionaries are loaded when the first password is chosen: most processes never need them. */
const estimator = (): Promise<ZxcvbnFactory> => (loaded ??= load())

async function load(): Promise<ZxcvbnFactory> {
  const [{ ZxcvbnFactory }, common] = await Promise.all([
    import('@zxcvbn-ts/core'),
    import('@zxcvbn-ts/language-common'),
  ])
  return new ZxcvbnFactory({ dictionary: { ...common.dictionary }, graphs: common.adjacencyGraphs })
}
