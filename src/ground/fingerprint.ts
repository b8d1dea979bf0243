/**
 * Describes an unknown text in the log. Somebody may have put a secret into the wrong field, and logs go to other
 * people. So a line holds the beginning, the length and a fingerprint, and never the text.
 */
import { createHmac, randomBytes } from 'node:crypto'

/** Enough to recognise an id by, and too little of a secret, which has 32 characters at least. */
const SHOWN_CHARACTERS = 4

/** Made when the first fingerprint is. Without the key nobody can try secrets against a log. */
let key: Buffer | undefined

/** The same for the same text as long as this process runs. */
function fingerprint(text: string): string {
  key ??= randomBytes(32)
  return createHmac('sha256', key).update(text).digest('hex').slice(0, 10)
}

/** `"orde…" (6 characters, fingerprint 0123456789)` */
export function describeUnknown(text: string): string {
  const beginning = text.slice(0, SHOWN_CHARACTERS).replace(/[^\x21-\x7E]|["\\]/g, '?')
  const facts = [
    `${text.length} characters`,
    ...(/\s/.test(text) ? ['white space among them'] : []),
    `fingerprint ${fingerprint(text)}`,
  ]
  return `"${beginning}…" (${facts.join(', ')})`
}

/** The known names that a description fits: with the same beginning, and about as long. */
export function namesLike(description: string, known: readonly string[]): string[] {
  const [, beginning = '', length] = /"(.{0,4})…" \((\d{1,9}) characters/.exec(description) ?? []
  if (length === undefined) return []
  const start = beginning.slice(0, 3)
  return known.filter((name) => name.startsWith(start) && Math.abs(name.length - Number(length)) <= 2)
}
