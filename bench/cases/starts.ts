/** Starts of processes, timed in turn. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Bench } from '../bench.ts'
import { startSignet, type Place } from '../sides/signet.ts'
import { SCOPE } from '../sides/terms.ts'
import { ratioOf, type Ratio } from '../statistics.ts'

export interface Start {
  milliseconds: number
  cpuMs: number
  residentMiB: number
}

export interface Starts {
  byTime: Ratio
  byCpu: Ratio
  /** The times of the first kind of start, and of the second. */
  milliseconds: [number[], number[]]
}

/** Makes two kinds of start in turn. */
export async function compareStarts(
  bench: Bench,
  what: string,
  [one, other]: [() => Promise<Start>, () => Promise<Start>],
): Promise<Starts> {
  const [ones = [], others = []] = await takeTurns(bench, what, [one, other])
  const ratioBy = (figure: keyof Start) => ratioOf(all(ones, figure), all(others, figure))
  return {
    byTime: ratioBy('milliseconds'),
    byCpu: ratioBy('cpuMs'),
    milliseconds: [all(ones, 'milliseconds'), all(others, 'milliseconds')],
  }
}

/** Makes each start once in a round, as often as there are rounds; a first round only fills the caches. */
export async function takeTurns(
  { options, say }: Bench,
  what: string,
  starts: (() => Promise<Start>)[],
): Promise<Start[][]> {
  const made = starts.map((): Start[] => [])
  for (let round = -1; round < options.rounds; round++) {
    say(`${what}: ${Math.max(0, round + 1)} of ${options.rounds}`)
    for (const [index, start] of starts.entries()) {
      const one = await start()
      if (round >= 0) made[index]?.push(one)
    }
  }
  return made
}

const all = (starts: Start[], figure: keyof Start): number[] => starts.map((start) => start[figure])

export async function startToFirstToken(bench: Bench, place: Place): Promise<Start> {
  const began = performance.now()
  const side = await startSignet(place.version.name, place)
  const form = { grant_type: 'client_credentials', scope: SCOPE }
  await bench.run('first token', { ...bench.post(side, '/token', form), connections: 1, requests: 1 }, 10)
  const start = { milliseconds: performance.now() - began, cpuMs: side.cpuMs(), residentMiB: side.residentMiB() }
  await side.stop()
  return start
}

/** Like `node -e 0`, but it prints its processor time in microseconds before it ends. */
const TELLS_ITS_TIME = 'const { user, system } = process.cpuUsage(); process.stdout.write(String(user + system))'

export async function startNode(): Promise<Start> {
  const cpuMs = Number(await outputOf(TELLS_ITS_TIME)) / 1000
  const began = performance.now()
  await outputOf('0')
  return { milliseconds: performance.now() - began, cpuMs, residentMiB: NaN }
}

async function outputOf(script: string): Promise<string> {
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  await once(child, 'close')
  return output
}
