/** Text as one word of a shell. Messages show commands to copy, and names in them come from callers and from tokens. */

/** The text, quoted where a shell would read more in it than a word. */
export const shell = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`

/** Characters that stay as they are in a description and on a terminal, and that single quotes hold together. */
const PLAIN = /^(?!-)[\x20\x21\x23-\x26\x28-\x5B\x5D-\x7E]+$/

/**
 * The text as a word of a command in a message, or a placeholder. A description loses quotation marks and backslashes, and
 * with them the quotes around a word: a shell would run the text behind them. A word that begins with a dash is an option.
 */
export const wordOr = (placeholder: string, text: string): string => (PLAIN.test(text) ? shell(text) : placeholder)
