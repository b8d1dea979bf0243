/** Refused values as messages show them: without a password, a token or a key that may stand in them. */
import { looksSecret } from '../ground/looks-secret.ts'

/** Of a secret, messages show the length. */
export const lengthOf = (value: string): string => `${value.length} characters`

/**
 * The text of any value, in quotes. A refused value is a slip, so no form is relied on: every value may be a URL with a
 * password that was meant for another variable, or a list of parameters such as `host=db password=…`.
 */
export function shownValue(value: string): string {
  if (looksSecret(value)) return lengthOf(value)
  return JSON.stringify(withoutParameters(withoutUserinfo(value)))
}

/** Keeps the name of a user. What else stands before the last @ may be a password, which holds any character. */
function withoutUserinfo(value: string): string {
  const at = value.lastIndexOf('@')
  const scheme = SCHEME.exec(value)?.[0] ?? ''
  if (at < scheme.length) return isForDatabase(scheme) ? withoutPort(value) : value
  const before = value.slice(scheme.length, at)
  const user = /^[\w.-]*/.exec(before)?.[0] ?? ''
  if (user === before) return isToken(scheme) ? `${scheme}…${value.slice(at)}` : value
  return `${scheme}${user}${before.charAt(user.length) === ':' ? ':' : ''}…${value.slice(at)}`
}

/** The scheme of a URL with its slashes; the colon may have been forgotten. */
const SCHEME = /^[a-z][a-z0-9+.-]*:?\/\//i

const isForDatabase = (scheme: string): boolean => /^postgres/i.test(scheme)

/** A user without a password is a name for a database and for mail, and often a token for the web. */
const isToken = (scheme: string): boolean => scheme !== '' && !isForDatabase(scheme)

/** Without its @, a password looks like a port. */
const withoutPort = (value: string): string => value.replace(/^([^:]+:\/\/[^:/?#[]*:)(?!\d{1,5}(?:[/?#]|$)).*$/s, '$1…')

/** The query of a URL, and what follows the name of a secret, are left out whole. */
const withoutParameters = (value: string): string =>
  value
    .replace(/^([a-z][a-z0-9+.-]*:[^?#]*)([?#]).*$/is, '$1$2…')
    .replace(/(pass(?:word|wd|phrase)?|pwd|secret|token|key)(\s*[=:]).*$/is, '$1$2…')
