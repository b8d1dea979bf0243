/** A real browser for a test: the one that this machine has. None is downloaded. */
import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const CANDIDATES = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  chromium.executablePath(),
]

const found = CANDIDATES.find((path) => path !== '' && existsSync(path))

/** Why there is no browser to test with; `undefined` where there is one. */
export const withoutBrowser: string | undefined =
  found === undefined
    ? 'no Chromium was found on this machine: install one (apt-get install chromium), or name it in CHROMIUM'
    : undefined

/** Without its sandbox, which needs rights that a test machine often does not give; it opens local pages alone. */
export function launchBrowser(): Promise<Browser> {
  if (found === undefined) throw new Error(withoutBrowser)
  return chromium.launch({ executablePath: found, args: ['--no-sandbox'] })
}
