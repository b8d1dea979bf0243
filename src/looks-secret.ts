/** What looks like a secret or a token of ours, wherever somebody has put it by mistake. */

const SECRET_LOOKS = /\bsg[rs]_[\w-]{8,}|\beyJ[\w-]{8,}(?:\.[\w-]*)*/g

/** Whether a caller seems to have sent a secret where a name belongs. */
export const looksSecret = (text: string): boolean => text.search(SECRET_LOOKS) >= 0

/** The text with whatever looks secret in it left out. */
export const withoutSecrets = (text: string): string => text.replaceAll(SECRET_LOOKS, '(looks secret)')
