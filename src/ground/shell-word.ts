/** Text as one word of a shell. Messages show commands to copy, and names in them come from callers and from tokens. */

/** The text, quoted where a shell would read more in it than a word. */
export const shell = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
