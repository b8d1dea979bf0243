#!/usr/bin/env node
// Plain JavaScript on purpose: an old Node must be able to read this far, since the database driver
// crashes it without a word and it cannot read TypeScript at all.
const major = Number(process.versions.node.split('.')[0])
if (major < 24) {
  console.error(
    `signet: needs Node 24 or newer, and this is Node ${process.versions.node} (${process.execPath}).\n` +
      '  In a checkout run it as `npm start` or `npm run -s signet -- …`: npm scripts use the Node 24 that `npm ci` installed' +
      ' (if this was one, `npm ci` ran with --ignore-scripts: run `npm rebuild node`).',
  )
  process.exit(1)
}
// Without a listener, SIGUSR1 opens Node's debugger to everybody on this machine, and SIGUSR2 ends the process.
for (const signal of ['SIGUSR1', 'SIGUSR2']) process.on(signal, () => {})
const { enableCompileCache } = await import('node:module')
// Compiled code is kept beside the packages, not in the system's folder for temporary files, where others could
// put something in its place. A read-only checkout goes without.
enableCompileCache(new URL('../node_modules/.cache/signet', import.meta.url).pathname)
const { main } = await import('./cli/main.ts')
process.exitCode = await main(process.argv.slice(2))
