/** The folder of one run; it goes away with the process. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'signet-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

export const inFolder = (...names: string[]): string => join(folder, ...names)
