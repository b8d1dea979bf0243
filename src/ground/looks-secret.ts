/** Finds secrets and tokens of this issuer in text, wherever somebody has put them by mistake. */

const SECRET_LOOKS = /\bsg[rs]_[\w-]{8,}|\beyJ[\w-]{8,}(?:\.[\w-]*)*/g

/**
 * A whole secret: a generated client secret, a refresh token, a signed JWT. A name may begin like one, and a piece
 * of one opens nothing. A JWT begins at the start of a word: without that, a text of many `eyJ-` would be read to
 * its end from each of them.
 */
const WHOLE_SECRET = /\bsgs_[\w-]{43}|\bsgr_[\w-]{71}|(?<![\w-])eyJ[\w-]{8,}\.[\w-]+\.[\w-]+/

/** Text behind this is not searched. No token of this issuer is longer. */
const MOST_CHARACTERS = 16_384

/** Whether a caller seems to have sent a secret where a name belongs. */
export const looksSecret = (text: string): boolean => WHOLE_SECRET.test(text.slice(0, MOST_CHARACTERS))

/** The text with everything left out that looks secret. */
export const withoutSecrets = (text: string): string => text.replaceAll(SECRET_LOOKS, '(looks secret)')
