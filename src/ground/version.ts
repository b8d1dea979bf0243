/** The version of the package, and the commit that it was made of; both are read on first use. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

let version: string | undefined

export function readVersion(): string {
  if (version !== undefined) return version
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  version = (JSON.parse(text) as { version: string }).version // our own file
  return version
}

/**
 * The commit in 12 digits. A checkout asks git, and a build has the file `commit` among its own. The source archive and the
 * container have that file beside `package.json`.
 */
export function readCommit(): string | undefined {
  const own = import.meta.url.endsWith('.ts') ? commitOfCheckout() : textOf('../commit')
  const commit = own || textOf('../../commit')
  return /^[0-9a-f]{12,}$/.test(commit) ? commit.slice(0, 12) : undefined
}

function commitOfCheckout(): string {
  const checkout = fileURLToPath(new URL('../..', import.meta.url))
  // A copy without a history may stand inside the repository of another project.
  if (!existsSync(`${checkout}.git`)) return ''
  try {
    const asked = ['-C', checkout, 'rev-parse', '--short=12', 'HEAD']
    return execFileSync('git', asked, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return '' // git is not installed, or does not trust the owner of the checkout
  }
}

/** @returns nothing where the file does not exist */
function textOf(path: string): string {
  const file = new URL(path, import.meta.url)
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
}
