/** Texts of other parties, as pages show them (PEOPLE S18). */

/** Longer names are cut. */
const MOST_CHARACTERS = 80

/** Characters that turn the direction of text or cannot be seen, and so make a name look like another one. */
const DECEIVING = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\u2028\u2029]/gu

/** Letters that change their shape beside a joiner (RFC 5892 A.1, A.2). Between others it only makes a name another one. */
const SHAPED =
  /[\p{scx=Arab}\p{scx=Syrc}\p{scx=Nkoo}\p{scx=Mong}\p{scx=Deva}\p{scx=Beng}\p{scx=Guru}\p{scx=Gujr}\p{scx=Orya}\p{scx=Taml}\p{scx=Telu}\p{scx=Knda}\p{scx=Mlym}\p{scx=Sinh}\p{scx=Khmr}\p{scx=Mymr}]/u
const EMOJI = /[\p{ExtPict}\p{EMod}\uFE0F]/u

/** The text as a single line in which every character can be seen. A soft hyphen is dropped: it shows nothing inside of a line. */
export function plainLine(text: string, most = MOST_CHARACTERS): string {
  const line = text
    .replaceAll('\u00AD', '')
    .replaceAll(DECEIVING, (each, at: number, whole: string) => (isJoiner(each, at, whole) ? each : ' '))
    .replaceAll(/\s+/g, ' ')
    .trim()
  return line.length > most ? `${line.slice(0, most - 1).toWellFormed()}…` : line
}

/** Whether a character shapes the letters on both sides, or joins two emoji to one. */
function isJoiner(character: string, at: number, whole: string): boolean {
  if (character !== '\u200C' && character !== '\u200D') return false
  const before = /.$/u.exec(whole.slice(Math.max(0, at - 2), at))?.[0] ?? ''
  const after = /^./u.exec(whole.slice(at + 1, at + 3))?.[0] ?? ''
  if (SHAPED.test(before) && SHAPED.test(after)) return true
  return character === '\u200D' && EMOJI.test(before) && EMOJI.test(after)
}

/** A URI whose every character can be seen: others are percent-encoded. */
export const visibleUri = (uri: string): string =>
  uri.toWellFormed().replaceAll(DECEIVING, (each) => encodeURIComponent(each))

/** The letter that stands for a name where there is no picture. */
export const initialOf = (name: string): string => /\p{L}\p{M}*|\p{N}/u.exec(name)?.[0].toUpperCase() ?? '?'
