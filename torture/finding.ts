/** A row of the table: the figure found, its bound, and whether it holds. */

export interface Finding {
  /** The name of the figure, in a few words. */
  what: string
  found: string
  bound: string
  holds: boolean
  /** A control holds where it fails as it should. Skipped rows say why in `found`; they do not fail the run. */
  kind: 'figure' | 'control' | 'skipped'
}

const show = (figure: number, unit: string): string => {
  const rounded = Number.isInteger(figure) ? String(figure) : figure.toFixed(figure < 10 ? 2 : 1)
  return unit === '' ? rounded : `${rounded} ${unit}`
}

/** A figure that has to be exactly so. @param note more facts, in brackets behind it */
export const exactly = (what: string, figure: number, wanted: number, note = ''): Finding => ({
  what,
  found: withNote(show(figure, ''), note),
  bound: show(wanted, ''),
  holds: figure === wanted,
  kind: 'figure',
})

/** A figure that has to stay below a bound. NaN holds nowhere. */
export const below = (what: string, figure: number, bound: number, unit = '', note = ''): Finding => ({
  what,
  found: withNote(show(figure, unit), note),
  bound: `< ${show(bound, unit)}`,
  holds: figure < bound,
  kind: 'figure',
})

/** A figure that has to reach a bound. */
export const atLeast = (what: string, figure: number, bound: number, unit = '', note = ''): Finding => ({
  what,
  found: withNote(show(figure, unit), note),
  bound: `≥ ${show(bound, unit)}`,
  holds: figure >= bound,
  kind: 'figure',
})

/** A count of a total: none may be missing, and the total must be at least one. */
export const allOf = (what: string, figure: number, of: number, note = ''): Finding => ({
  what,
  found: withNote(`${figure} of ${of}`, note),
  bound: 'all',
  holds: of > 0 && figure === of,
  kind: 'figure',
})

/** The same question about something that is broken on purpose. @param fails whether the bound was missed, as it should be */
export const control = (what: string, found: string, bound: string, fails: boolean): Finding => ({
  what: `control: ${what}`,
  found: fails ? `${found}: fails as it should` : `${found}: does NOT fail as it should`,
  bound,
  holds: fails,
  kind: 'control',
})

/** A trial that this machine does not allow, and the reason. */
export const skipped = (what: string, why: string): Finding => ({
  what,
  found: `skipped: ${why}`,
  bound: '',
  holds: true,
  kind: 'skipped',
})

const withNote = (text: string, note: string): string => (note === '' ? text : `${text} (${note})`)
