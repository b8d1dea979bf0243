/** `npm run bench` measures the issuer; `npm run bench -- verify` the verifier. */
import process from 'node:process'
import { HELP, readOptions, UsageError } from './options.ts'

// Only `process.exit` stops the servers and removes the folder; a signal alone would not.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const [what, ...rest] = process.argv.slice(2)

try {
  process.exitCode = what === 'verify' ? await verify(rest) : await issuer(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`bench: ${error.message}; npm run bench -- --help tells what there is`)
  process.exitCode = 2
}

async function verify(args: string[]): Promise<number> {
  if (args.includes('--help')) return help()
  if (args.length > 0) throw new UsageError(`verify takes no options, and was given ${args.join(' ')}`)
  const { main } = await import('../verifiers/node/bench/verify.ts')
  await main()
  return 0
}

async function issuer(args: string[]): Promise<number> {
  const options = readOptions(args)
  if (!options) return help()
  const { runBench } = await import('./issuer.ts')
  return runBench(options)
}

function help(): number {
  console.log(HELP)
  return 0
}
