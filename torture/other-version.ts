/** Another version of Signet, from the history of this checkout, in a folder of its own; the checkout stays as it is. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Context } from './fault.ts'

const CHECKOUT = resolve(import.meta.dirname, '..')

export interface OtherVersion {
  /** For the table. */
  name: string
  /** `signet` of this folder is that version's; none where it had no `signet serve` yet. */
  checkout: string | undefined
}

/** The commit before the present one, and the last one whose tables were others. Without a history there is none. */
export function previousVersions(context: Context): OtherVersion[] {
  const before = commitOf('HEAD~1')
  const migrated = git(['log', '-1', '--format=%H', '--', 'migrations']).trim()
  const otherTables = migrated === '' ? undefined : commitOf(`${migrated}~1`)
  const versions: [string | undefined, string][] = [
    [before, 'the previous commit'],
    [otherTables, 'the last commit with other tables'],
  ]
  return versions.flatMap(([commit, name]) => (commit === undefined ? [] : [unpack(context, commit, name)]))
}

const commitOf = (revision: string): string | undefined =>
  git(['rev-parse', '--verify', '--quiet', `${revision}^{commit}`]).trim() || undefined

function git(args: string[]): string {
  try {
    return execFileSync('git', ['-C', CHECKOUT, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return ''
  }
}

/** Its dependencies are those of today: what is tried is our code on our files. */
function unpack(context: Context, commit: string, called: string): OtherVersion {
  const name = `${called} (${commit.slice(0, 7)})`
  if (git(['cat-file', '-t', `${commit}:src/cli/serve.ts`]) === '') return { name, checkout: undefined }
  const checkout = join(context.folder(), 'checkout')
  mkdirSync(checkout)
  const archive = execFileSync('git', ['-C', CHECKOUT, 'archive', commit, 'src', 'migrations', 'package.json'], {
    maxBuffer: 100_000_000,
  })
  execFileSync('tar', ['-x', '-C', checkout], { input: archive })
  symlinkSync(join(CHECKOUT, 'node_modules'), join(checkout, 'node_modules'))
  return { name, checkout }
}
