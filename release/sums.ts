/** `SHA256SUMS`, as `sha256sum --check` reads it. */
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const NAME = 'SHA256SUMS'

/** Lists every file of a folder. @returns the lines */
export function writeSums(out: string): string[] {
  const names = readdirSync(out).filter((name) => name !== NAME)
  const lines = names.toSorted().map((name) => {
    const digest = createHash('sha256')
      .update(readFileSync(join(out, name)))
      .digest('hex')
    return `${digest}  ${name}`
  })
  writeFileSync(join(out, NAME), lines.map((line) => `${line}\n`).join(''))
  return lines
}
