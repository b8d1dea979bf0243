#!/usr/bin/env node
// Plain JavaScript on purpose: an old Node must be able to read this far, since the database driver
// crashes it without a word and it cannot read TypeScript at all.
import { existsSync } from 'node:fs'

const place = (path) => new URL(path, import.meta.url)

/** The help, by the state of the checkout: its npm scripts use the Node of `node_modules`, else the one of the PATH. */
function helpForOldNode() {
  if (!import.meta.url.endsWith('/src/signet.js'))
    return 'Install Node 24 (https://nodejs.org), or put it beside signet with `npm install node@24`, and run `npx signet`.'
  if (existsSync(place('../node_modules/.bin/node')))
    return 'Run it as `npm start` or `./signet …`: these use the Node 24 that `npm ci` installed.'
  if (!existsSync(place('../node_modules/hono')))
    return 'Its packages, Node 24 among them, are not installed. Run: npm ci'
  return existsSync(place('../node_modules/node'))
    ? '`npm ci` ran with --ignore-scripts, so its Node 24 is missing. Run: npm rebuild node'
    : 'Put Node 24 on the PATH (https://nodejs.org): `npm ci --omit=dev` installs none. Without --omit=dev, `npm ci` installs one.'
}

const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(
    `signet: needs Node 24 or newer, and this is Node ${process.versions.node} (${process.execPath}).\n  ${helpForOldNode()}`,
  )
  process.exit(1)
}
// Without a listener, SIGUSR1 opens Node's debugger to everybody on this machine, and SIGUSR2 ends the process.
for (const signal of ['SIGUSR1', 'SIGUSR2']) process.on(signal, () => {})
const { enableCompileCache } = await import('node:module')
// Compiled code is kept beside the packages, not in the system's folder for temporary files, where others could
// put something in its place. A read-only checkout goes without.
enableCompileCache(place('../node_modules/.cache/signet').pathname)
const { main } = await import('./cli/main.ts')
process.exitCode = await main(process.argv.slice(2))
