/** A scope in words. */
import type { Frame } from './frame.ts'
import { plainLine } from './plain-text.ts'
import type { ScopeView } from './views.ts'

export function scopeText({ texts }: Frame, { scope, says }: ScopeView): string {
  if (says !== undefined) return plainLine(says, 200)
  const known: Readonly<Record<string, string>> = texts.consent.scopes
  return Object.hasOwn(known, scope) ? (known[scope] ?? scope) : texts.consent.other(plainLine(scope))
}
