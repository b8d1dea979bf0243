/** The icon of the browser's tab: the first letter of the brand on its colour. */
import { tonesOf } from './colour.ts'
import type { PageSettings } from './frame-needs.ts'
import { initialOf } from './plain-text.ts'
import { DEFAULT_COLOUR } from './style.ts'

export function iconOf({ brandName = 'Signet', brandColor = DEFAULT_COLOUR }: PageSettings): string {
  const { fill, onFill } = tonesOf(brandColor, '#ffffff')
  const letter = initialOf(brandName).replaceAll(/[&<>]/g, '?')
  const text = `<text x="16" y="22.5" font-family="system-ui,sans-serif" font-size="19" font-weight="700" text-anchor="middle" fill="${onFill}">${letter}</text>`
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="${fill}"/>${text}</svg>`
}
