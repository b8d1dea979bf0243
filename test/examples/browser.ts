/** A real browser for a test: the browser of this machine. None is downloaded. */
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

/** Why no browser was found; `undefined` if one was found. */
export const withoutBrowser: string | undefined =
  found === undefined
    ? 'no Chromium was found on this machine: install one (apt-get install chromium), or name it in CHROMIUM'
    : undefined

/** Starts it without its sandbox, which needs rights that test machines often do not give. It opens local pages alone. */
export function launchBrowser(): Promise<Browser> {
  if (found === undefined) throw new Error(withoutBrowser)
  return chromium.launch({ executablePath: found, args: ['--no-sandbox'] })
}
