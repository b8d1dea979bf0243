/**
 * For `node --import`, before Signet: a clock that is moved from outside. On SIGUSR2 it reads the file that
 * `TORTURE_CLOCK` names: by how much the clock is set forward or back (`jumpMs`), and how much time has
 * passed (`passMs`), which the clock and the counter of elapsed time both show. Long pauses of the timetable
 * are a tenth as long, so that each of its works comes soon.
 */
import { readFileSync, renameSync } from 'node:fs'

interface Movement {
  jumpMs: number
  passMs: number
}

const file = process.env.TORTURE_CLOCK ?? ''
const [realNow, realElapsed] = [Date.now, performance.now.bind(performance)]
let movement: Movement = { jumpMs: 0, passMs: 0 }

Date.now = () => realNow() + movement.jumpMs + movement.passMs
performance.now = () => realElapsed() + movement.passMs
process.on('SIGUSR2', () => {
  movement = JSON.parse(readFileSync(file, 'utf8')) as Movement // written by torture/moved-clock.ts
  // Tells that it was taken, since what Signet makes of it is the question.
  renameSync(file, `${file}.taken`)
})

const LONG_MS = 1000
const { setTimeout: realTimeout } = globalThis
const shorter = (work: (...given: unknown[]) => void, ms?: number, ...given: unknown[]) =>
  realTimeout(work, ms !== undefined && ms >= LONG_MS ? ms / 10 : ms, ...given)
// What `promisify` looks for comes along, so it is all that the real one is.
globalThis.setTimeout = Object.assign(shorter, realTimeout)
