/** The version of the package, read on first use. */
import { readFileSync } from 'node:fs'

let version: string | undefined

export function readVersion(): string {
  if (version !== undefined) return version
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  version = (JSON.parse(text) as { version: string }).version // our own file
  return version
}
