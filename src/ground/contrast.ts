/** Contrast of colours (WCAG 2.2, 'contrast ratio' and 'relative luminance'). */

/** Red, green and blue, 0 to 255. */
export type Colour = readonly [number, number, number]

/** @param colour `#rrggbb` */
export const readColour = (colour: string): Colour => [channel(colour, 1), channel(colour, 3), channel(colour, 5)]

const channel = (colour: string, at: number): number => Number.parseInt(colour.slice(at, at + 2), 16)

/** The contrast of two colours as `#rrggbb`, from 1, no difference, to 21, black on white. */
export const contrastOf = (one: string, other: string): number => contrast(readColour(one), readColour(other))

/** The same, of colours that were read already. */
export function contrast(one: Colour, other: Colour): number {
  const [a, b] = [luminance(one), luminance(other)]
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

/** Relative luminance, 0 to 1. */
export const luminance = ([red, green, blue]: Colour): number =>
  0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)

function linear(value: number): number {
  const part = value / 255
  return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
}
