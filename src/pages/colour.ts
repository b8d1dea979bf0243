/**
 * Colours that can be read. The operator gives one colour; the tones of buttons, links and text on it are computed, so
 * that each has the contrast of WCAG 2.2 (1.4.3: 4.5 to 1 for text, 1.4.11: 3 to 1 for controls) on light and dark pages.
 */
import { contrast, luminance, readColour, type Colour } from '../ground/contrast.ts'

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
  const [given, behind] = [readColour(colour), readColour(background)]
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

const written = (colour: Colour): string => `#${colour.map((each) => each.toString(16).padStart(2, '0')).join('')}`
