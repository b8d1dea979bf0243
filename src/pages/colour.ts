/**
 * Colours that can be read. The operator gives one colour; the tones of buttons, links and text on it are computed, so
 * that each has the contrast of WCAG 2.2 (1.4.3: 4.5 to 1 for text, 1.4.11: 3 to 1 for controls) on light and dark pages.
 */

/** Red, green and blue, 0 to 255. */
type Colour = readonly [number, number, number]

const WHITE: Colour = [255, 255, 255]
const BLACK: Colour = [0, 0, 0]

const TEXT_CONTRAST = 4.5
const CONTROL_CONTRAST = 3

/** The tones of one colour on one background, as `#rrggbb`. */
export interface Tones {
  /** Of buttons. */
  fill: string
  /** Of a button under the pointer. */
  strong: string
  /** Of the text on a button: white or nearly black. */
  onFill: string
  /** Of links. */
  text: string
}

/** @param colour `#rrggbb` @param background the lightest surface of dark pages, or the darkest of light ones */
export function tonesOf(colour: string, background: string): Tones {
  const [given, behind] = [read(colour), read(background)]
  const away = luminance(behind) > 0.5 ? BLACK : WHITE
  const fill = until(given, away, (tone) => contrast(tone, behind) >= CONTROL_CONTRAST)
  const onFill = contrast(fill, WHITE) >= TEXT_CONTRAST ? WHITE : BLACK
  return {
    fill: written(fill),
    strong: written(mix(fill, onFill === WHITE ? BLACK : WHITE, 0.14)),
    onFill: written(onFill),
    text: written(until(given, away, (tone) => contrast(tone, behind) >= TEXT_CONTRAST)),
  }
}

/** The contrast of two colours, 1 to 21 (WCAG 2.2, contrast ratio). */
export function contrastOf(one: string, other: string): number {
  return contrast(read(one), read(other))
}

/** The first tone on the way from a colour to another one that is good enough. */
function until(from: Colour, to: Colour, isGood: (tone: Colour) => boolean): Colour {
  for (let part = 0; part < 1; part += 0.04) {
    const tone = mix(from, to, part)
    if (isGood(tone)) return tone
  }
  return to
}

const mix = (from: Colour, to: Colour, part: number): Colour => [
  between(from[0], to[0], part),
  between(from[1], to[1], part),
  between(from[2], to[2], part),
]

const between = (from: number, to: number, part: number): number => Math.round(from + (to - from) * part)

function contrast(one: Colour, other: Colour): number {
  const [a, b] = [luminance(one), luminance(other)]
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

/** Relative luminance (WCAG 2.2). */
function luminance([red, green, blue]: Colour): number {
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

function linear(channel: number): number {
  const part = channel / 255
  return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
}

const read = (colour: string): Colour => [channel(colour, 1), channel(colour, 3), channel(colour, 5)]
const channel = (colour: string, at: number): number => Number.parseInt(colour.slice(at, at + 2), 16)
const written = (colour: Colour): string => `#${colour.map((each) => each.toString(16).padStart(2, '0')).join('')}`
