/** Runs a `signet` command on the database of a Signet that is running, as an operator does in a terminal. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { LocalSignet } from './local-signet.ts'

const PROGRAM = fileURLToPath(new URL('../src/signet.js', import.meta.url))

/** @returns what the command prints; notes for people, on stderr, are left out */
export async function runSignet({ env }: LocalSignet, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, ...env },
  })
  return stdout
}
