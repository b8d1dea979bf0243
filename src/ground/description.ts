/**
 * A text as `error_description` may hold it: %x20-21 / %x23-5B / %x5D-7E (RFC 6749 §4.1.2.1, §5.2). Quotation marks become
 * apostrophes. A description that speaks of a quotation mark or a backslash calls it by its name.
 */
export const asDescription = (text: string): string =>
  text
    .replaceAll('"', "'")
    .replaceAll('…', '...')
    .replaceAll('§', 'section ')
    .replace(/[^\x20-\x21\x23-\x5B\x5D-\x7E]/g, '?')
