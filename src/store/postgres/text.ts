/**
 * Text for PostgreSQL, which stores every character but U+0000. That one is written as two others, and read back, so that
 * no caller has to know which database it is.
 */

/** A character of a private plane, which stands for itself as two. */
const MARK = '\u{F0000}'

export const encodeText = (text: string): string =>
  text.includes('\0') || text.includes(MARK) ? text.replaceAll(MARK, `${MARK}1`).replaceAll('\0', `${MARK}0`) : text

export const decodeText = (text: string): string =>
  text.includes(MARK) ? text.replaceAll(`${MARK}0`, '\0').replaceAll(`${MARK}1`, MARK) : text
