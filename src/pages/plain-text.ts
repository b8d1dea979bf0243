/** Texts of other parties, as pages show them (PEOPLE S18). */

/** Longer names are cut. */
const MOST_CHARACTERS = 80

/** Characters that turn the direction of text or cannot be seen, and so make a name look like another one. */
const DECEIVING = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]/gu

/** One line that shows what it holds. */
export function plainLine(text: string, most = MOST_CHARACTERS): string {
  const line = text.replaceAll(DECEIVING, ' ').replaceAll(/\s+/g, ' ').trim()
  return line.length > most ? `${line.slice(0, most - 1).toWellFormed()}…` : line
}

/** A URI whose every character can be seen: others are percent-encoded. */
export const visibleUri = (uri: string): string =>
  uri.toWellFormed().replaceAll(DECEIVING, (each) => encodeURIComponent(each))

/** The letter that stands for a name where there is no picture. */
export const initialOf = (name: string): string => /\p{L}\p{M}*|\p{N}/u.exec(name)?.[0].toUpperCase() ?? '?'
