/** @returns the text; `null` for one in which nothing can be seen: a name of blanks is no name */
export const orNone = (text: string): string | null => (/^[\s\p{Cf}]*$/u.test(text) ? null : text)
