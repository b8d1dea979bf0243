/** Runs one fault. Its processes and folders are removed afterwards, even if it throws or the run is broken off. */
import { temporaryFolder, type OnEnd } from '../harness/folder.ts'
import type { Context, Fault } from './fault.ts'
import type { Finding } from './finding.ts'
import { seededRandom, seedOf } from './random.ts'
import type { Result } from './table.ts'

const TELL_EVERY_MS = 3000

interface Form {
  long: boolean
  seed: number
}

type End = Parameters<OnEnd>[0]

export async function runFault(fault: Fault, form: Form): Promise<Result> {
  const began = performance.now()
  const ends: End[] = []
  // An ending process cannot wait, so each work does the most important step first.
  const abandon = () => ends.toReversed().forEach((end) => void end())
  process.once('exit', abandon)
  tell(fault.name, 'begins')
  const findings = await fault.run(contextOf(fault, form, ends)).catch((error: unknown) => [brokenOff(error)])
  for (const end of ends.toReversed()) await end()
  process.off('exit', abandon)
  const seconds = (performance.now() - began) / 1000
  tell(fault.name, `${findings.every(({ holds }) => holds) ? 'holds' : 'does NOT hold'}, ${seconds.toFixed(1)} s`)
  return { fault: { name: fault.name, title: fault.title }, seconds, findings }
}

const brokenOff = (error: unknown): Finding => ({
  what: 'the trial itself',
  found: error instanceof Error ? `${error.message} ${error.stack?.split('\n')[1]?.trim() ?? ''}` : String(error),
  bound: 'runs to its end',
  holds: false,
  kind: 'figure',
})

function contextOf(fault: Fault, { long, seed }: Form, ends: End[]): Context {
  let told = performance.now()
  return {
    count: (short, full) => (long ? full : short),
    random: seededRandom(seedOf(fault.name) ^ seed),
    progress(text) {
      if (performance.now() - told < TELL_EVERY_MS) return
      told = performance.now()
      tell(fault.name, text)
    },
    onEnd: (work) => void ends.push(work),
    folder: () => temporaryFolder((end) => void ends.push(end), 'signet-torture-'),
  }
}

const tell = (name: string, text: string): void => void process.stderr.write(`torture: ${name}: ${text}\n`)
