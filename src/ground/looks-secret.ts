/** Finds secrets and tokens of this issuer in text, wherever somebody has put them by mistake. */

/** Signet's secrets begin with these. */
export const CLIENT_SECRET_PREFIX = 'sgs_'
export const REFRESH_TOKEN_PREFIX = 'sgr_'

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

/** Why a text for people is refused. It is shown in lists, and the secret in it would be, too. */
export const SECRET_IN_TEXT = 'a token or secret stands in it, and those who read lists would see it; leave it out'

/** The first part of a JWT, or all parts of one that is very short. */
const BEGINS_LIKE_JWT = /^eyJ(?:[\w-]{8}|[\w-]*\.[\w-]*\.)/

/** Whether a name holds a secret or begins like one. Nobody registers such a name: names stand in lists, logs and tokens. */
export const isSecretName = (name: string): boolean =>
  looksSecret(name) ||
  BEGINS_LIKE_JWT.test(name) ||
  [CLIENT_SECRET_PREFIX, REFRESH_TOKEN_PREFIX].some((prefix) => name.toLowerCase().startsWith(prefix))

/** The text with everything left out that looks secret. */
export const withoutSecrets = (text: string): string => text.replaceAll(SECRET_LOOKS, '(looks secret)')
