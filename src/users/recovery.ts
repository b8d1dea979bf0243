/**
 * Recovery codes: a second factor for a person whose phone is lost. Each is good once. A code has 50 random bits. The
 * database keeps digests under a key that the master key seals, so a stolen database alone gives no code away.
 */
import { randomInt } from 'node:crypto'
import { Mac } from '../keys/mac.ts'
import type { TotpKeys } from './totp.ts'

const CODES = 10
const GROUPS = 2
const GROUP_CHARACTERS = 5

/** Without letters that look like others (Crockford's base 32). */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const CODE = /^[0-9A-HJKMNP-TV-Z]{10}$/

/** Fresh codes, such as `7KQ2M-XW4ZT`. Shown once. */
export const newRecoveryCodes = (): string[] => Array.from({ length: CODES }, newCode)

const newCode = (): string => Array.from({ length: GROUPS }, newGroup).join('-')
const newGroup = (): string =>
  Array.from({ length: GROUP_CHARACTERS }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')

/** The digest of a code as a person types it: in any case, with or without blanks; `undefined` for what is no code. */
export function recoveryDigest({ recovery }: Pick<TotpKeys, 'recovery'>, typed: string): string | undefined {
  const plain = typed.normalize('NFKC').toUpperCase().replace(/[\s-]/g, '')
  const code = plain.replaceAll('O', '0').replace(/[IL]/g, '1')
  if (!CODE.test(code)) return undefined
  return new Mac(Buffer.from(recovery, 'base64url')).digest(Buffer.from(code)).toString('base64url')
}

/** The digests of codes that were just made. */
export const recoveryDigests = (keys: Pick<TotpKeys, 'recovery'>, codes: string[]): string[] =>
  codes.map((code) => recoveryDigest(keys, code) ?? '')
