/**
 * Other versions of Signet, taken from the history of this checkout. Each gets a folder of its own; the checkout is not
 * changed.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** The folder of the version that is being worked on. */
export const CHECKOUT = resolve(import.meta.dirname, '..')

const MOST_BYTES = 100_000_000

/** The full id of a commit, or `undefined` where the history has no such revision. */
export const commitOf = (revision: string): string | undefined =>
  git(['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`]).trim() || undefined

/** The last commit that added a file below a path. A file that is still being worked on changes later. */
export const lastAdditionTo = (path: string): string | undefined =>
  git(['log', '-1', '--diff-filter=A', '--format=%H', '--', path]).trim() || undefined

/**
 * Unpacks the program of a commit. Its dependencies are those of this checkout, so that only our own code differs.
 *
 * @param folder must not exist yet
 * @returns `undefined` where that commit has no `signet serve`
 */
export function unpack(commit: string, folder: string): string | undefined {
  const archive = execFileSync('git', ['-C', CHECKOUT, 'archive', commit, 'src', 'migrations', 'package.json'], {
    maxBuffer: MOST_BYTES,
  })
  mkdirSync(folder, { recursive: true })
  execFileSync('tar', ['-x', '-C', folder], { input: archive })
  symlinkSync(join(CHECKOUT, 'node_modules'), join(folder, 'node_modules'))
  return existsSync(join(folder, 'src/cli/serve.ts')) ? folder : undefined
}

/** A single client makes the whole load of a trial, and no trial is about quotas unless it says so. */
const QUOTAS = { SIGNET_LIMIT_GRANTS: '1000000', SIGNET_LIMIT_DENIALS: '1000000' }

/** The largest quotas that a version knows: an older version refuses to start with an unknown variable. */
export function largestQuotas(checkout: string): Record<string, string> {
  // Older versions have one file.
  const [file = ''] = ['src/config/variables.ts', 'src/config.ts'].filter((each) => existsSync(join(checkout, each)))
  const source = readFileSync(join(checkout, file), 'utf8')
  return Object.fromEntries(Object.entries(QUOTAS).filter(([name]) => source.includes(name)))
}

/** The output of git; empty where git fails, such as in a copy without a history. */
function git(args: string[]): string {
  try {
    return execFileSync('git', ['-C', CHECKOUT, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return ''
  }
}
