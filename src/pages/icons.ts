/** The few pictures of pages, drawn for a square of 24. They say nothing that a text beside them does not say. */
import { html, raw } from 'hono/html'
import type { Markup } from './html.ts'

const SHAPES = {
  person: '<circle cx="12" cy="8" r="4"/><path d="M4.5 20.5c.8-3.9 3.8-6 7.5-6s6.7 2.1 7.5 6"/>',
  key: '<circle cx="8" cy="15.5" r="4.5"/><path d="m11.3 12.2 8.7-8.7M16.5 7l3 3M14 9.5l2 2"/>',
  passkey:
    '<circle cx="9.5" cy="7.5" r="3.75"/><path d="M2.75 20c.6-3.8 3.3-5.75 6.75-5.75 1 0 1.9.15 2.75.5"/><circle cx="17.5" cy="13.25" r="2.75"/><path d="M17.5 16v6M17.5 19h2.25"/>',
  shield:
    '<path d="M12 2.75 4.5 5.5v5.8c0 4.7 3 8.1 7.5 9.95 4.5-1.85 7.5-5.25 7.5-9.95V5.5z"/><path d="m8.75 12 2.4 2.4 4.3-4.6"/>',
  phone: '<rect x="7" y="2.5" width="10" height="19" rx="2.5"/><path d="M11 18.5h2"/>',
  device: '<rect x="3" y="4.5" width="18" height="12" rx="2"/><path d="M8.5 20.5h7M12 16.5v4"/>',
  apps: '<rect x="3.5" y="3.5" width="7" height="7" rx="2"/><rect x="13.5" y="3.5" width="7" height="7" rx="2"/><rect x="3.5" y="13.5" width="7" height="7" rx="2"/><rect x="13.5" y="13.5" width="7" height="7" rx="2"/>',
  clock: '<circle cx="12" cy="12" r="8.75"/><path d="M12 7v5l3.25 2"/>',
  home: '<path d="M3.5 11 12 3.75 20.5 11M5.75 9.25V20h12.5V9.25M10 20v-5.5h4V20"/>',
  next: '<path d="m9.5 5.5 6.5 6.5-6.5 6.5"/>',
  previous: '<path d="M14.5 5.5 8 12l6.5 6.5"/>',
  check: '<path d="m5 12.5 4.75 4.75L19.5 7"/>',
  warn: '<path d="M12 3.5 2.75 20h18.5zM12 9.75v4.75M12 17.25v.25"/>',
  eye: '<path d="M2.5 12c2-4.25 5.5-6.5 9.5-6.5s7.5 2.25 9.5 6.5c-2 4.25-5.5 6.5-9.5 6.5S4.5 16.25 2.5 12z"/><circle cx="12" cy="12" r="3"/><path class="lid" d="m4 4 16 16"/>',
  out: '<path d="M9.5 4H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h3.5M9.5 12H20M15.5 7.5 20 12l-4.5 4.5"/>',
  hand: '<path d="M12 3.25a8.75 8.75 0 1 0 0 17.5 8.75 8.75 0 0 0 0-17.5zM6 6l12 12"/>',
  lost: '<circle cx="11" cy="11" r="7"/><path d="m16.25 16.25 4.5 4.5M8.75 8.75l4.5 4.5M13.25 8.75l-4.5 4.5"/>',
  seal: '<circle cx="12" cy="12" r="8.5"/><path d="M15 9.3c-.5-1-1.6-1.6-3-1.6-1.7 0-2.9.8-2.9 2.1 0 3 6 1.3 6 4.4 0 1.3-1.3 2.2-3.1 2.2-1.5 0-2.7-.6-3.2-1.7"/>',
}

export type IconName = keyof typeof SHAPES

// Made once: icons hold no value from outside.
const ICONS = new Map<string, Markup>()

export function icon(name: IconName, more = ''): Markup {
  const known = ICONS.get(name + more)
  if (known) return known
  const made = html`<svg class="icon ${more}" viewBox="0 0 24 24" aria-hidden="true">${raw(SHAPES[name])}</svg>`
  ICONS.set(name + more, made)
  return made
}
