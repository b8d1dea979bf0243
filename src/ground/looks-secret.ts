/** What looks like a secret or a token of ours, wherever somebody has put it by mistake. */

const SECRET_LOOKS = /\bsg[rs]_[\w-]{8,}|\beyJ[\w-]{8,}(?:\.[\w-]*)*/g

/**
 * The same, complete: a generated client secret, a refresh token, a signed JWT. A name may begin like one, and a piece
 * of one opens nothing.
 */
const WHOLE_SECRET = /\bsgs_[\w-]{43}|\bsgr_[\w-]{71}|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+/

/** Whether a caller seems to have sent a secret where a name belongs. */
export const looksSecret = (text: string): boolean => WHOLE_SECRET.test(text)

/** The text with whatever looks secret in it left out. */
export const withoutSecrets = (text: string): string => text.replaceAll(SECRET_LOOKS, '(looks secret)')
