/**
 * The process behind `command-host.ts`. It runs one command line of Signet after another, each with its own environment,
 * standard input and exit code. A mark on both streams stands before and after what a command has printed.
 */
import { Readable } from 'node:stream'
import { main } from '../src/cli/main.ts'

/** The question of the parent process. */
export interface Asked {
  args: string[]
  env: Record<string, string>
  input: string
  /** Printed on stdout and on stderr before and after the command. */
  mark: string
}

process.on('message', (asked: Asked) => {
  run(asked).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`)
    process.exit(1)
  })
})
// The test file has ended.
process.on('disconnect', () => process.exit())

async function run({ args, env, input, mark }: Asked): Promise<void> {
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, env)
  Object.defineProperty(process, 'stdin', { value: Readable.from([Buffer.from(input)]), configurable: true })
  await print(mark)
  const code = await main(args)
  process.stdout.removeAllListeners('error')
  // After all that the command has printed, which may wait for its reader.
  await print(mark)
  process.send?.(code)
}

async function print(mark: string): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) await new Promise((written) => stream.write(mark, written))
}
