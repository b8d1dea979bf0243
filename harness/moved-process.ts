/**
 * Loaded into a process before Signet, by `node --import`: at each SIGUSR2 its clock takes on the movement that
 * `clock.ts` has written.
 */
import { readFileSync, renameSync } from 'node:fs'
import type { Movement } from './clock.ts'

const file = process.env.HARNESS_CLOCK ?? ''
const [realNow, realElapsed] = [Date.now, performance.now.bind(performance)]
let movement: Movement = {}

Date.now = () => realNow() + (movement.jumpMs ?? 0) + (movement.passMs ?? 0)
performance.now = () => realElapsed() + (movement.passMs ?? 0)
process.on('SIGUSR2', () => {
  movement = JSON.parse(readFileSync(file, 'utf8')) as Movement // `clock.ts` writes it
  // The file's absence tells `clock.ts` that the movement was taken.
  renameSync(file, `${file}.taken`)
})

const LONG_MS = 1000
const { setTimeout: realTimeout } = globalThis
const shorter = (work: (...given: unknown[]) => void, ms?: number, ...given: unknown[]) =>
  realTimeout(work, ms !== undefined && ms >= LONG_MS ? ms / 10 : ms, ...given)
// The properties that `promisify` looks for are copied too.
if (process.env.HARNESS_SHORT_PAUSES === 'true') globalThis.setTimeout = Object.assign(shorter, realTimeout)
