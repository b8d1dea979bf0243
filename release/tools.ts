/** How a release runs programs and writes files: into `release/out/`, from the root of the checkout. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'

export const ROOT = resolve(import.meta.dirname, '..')
const MOST_BYTES = 256 * 1024 * 1024

/** A fault that whoever makes the release can repair: one line of fault, one of help. */
export class ReleaseFault extends Error {
  readonly help: string
  constructor(fault: string, help: string) {
    super(fault)
    this.help = help
  }
}

/** Why a part of the release could not be made or tried on this machine. It is told aloud. */
export interface Skipped {
  skipped: string
}

export interface Place {
  cwd?: string
  env?: Record<string, string>
  timeoutMs?: number
}

/** Runs a program to its end. @returns its standard output @throws ReleaseFault with its last words if it fails */
export function run(
  program: string,
  args: string[],
  { cwd = ROOT, env = {}, timeoutMs = 300_000 }: Place = {},
): string {
  try {
    return execFileSync(program, args, {
      cwd,
      env: { ...process.env, ...env },
      encoding: 'utf8',
      timeout: timeoutMs,
      maxBuffer: MOST_BYTES,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  } catch (error) {
    throw new ReleaseFault(`${[program, ...args].join(' ')} failed in ${cwd}`, lastWordsOf(error))
  }
}

function lastWordsOf(error: unknown): string {
  const said = z.object({ stderr: z.string(), stdout: z.string() }).safeParse(error)
  if (!said.success) return error instanceof Error ? error.message : String(error)
  return `${said.data.stdout}\n${said.data.stderr}`.trim().split('\n').slice(-15).join('\n')
}

/** Whether a program can be run here at all. */
export function has(program: string, args: string[], place: Place = {}): boolean {
  try {
    run(program, args, place)
    return true
  } catch {
    return false
  }
}

export const readJson = (...path: string[]): unknown => JSON.parse(readFileSync(join(ROOT, ...path), 'utf8'))
