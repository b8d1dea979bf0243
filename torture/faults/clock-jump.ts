/**
 * The clock jumps while Signet runs: by an hour, a day and ten years, forward and back; then it is set right again.
 * Expired and revoked tokens stay dead all the time, no key is made or removed, and the log has a warning.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { KEYS_MS, expired, jwksOf, kidOf, setUp, type Scene } from '../clock-scene.ts'
import type { Context, Fault } from '../fault.ts'
import { allOf, control, exactly, type Finding } from '../finding.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const YEARS = 3653 * DAY
const JUMPS: [string, number][] = [
  ['an hour', HOUR],
  ['a day', DAY],
  ['ten years', YEARS],
]
/** By then all periodic work has run: the slowest runs each minute, and pauses are a tenth as long. */
const TIMETABLE_MS = 6600

interface Tally {
  revived: string[]
  keysChanged: string[]
  warned: number
  aliveAgain: number
  scenes: number
}

export const clockJump: Fault = {
  name: 'clock-jump',
  title: 'the clock jumps while running',
  async run(context) {
    const jumps = JUMPS.flatMap(([name, ms]): [string, number][] => [
      [`${name} forward`, ms],
      [`${name} back`, -ms],
    ])
    const scenes: { scene: Scene; ms: number }[] = []
    for (const [name, ms] of jumps) {
      scenes.push({ scene: await setUp(context, name), ms })
      context.progress(`${scenes.length} of ${jumps.length} servers up`)
    }
    const tally: Tally = { revived: [], keysChanged: [], warned: 0, aliveAgain: 0, scenes: scenes.length }
    await Promise.all(scenes.map(({ scene, ms }) => jump(scene, ms, tally)))
    return [...findingsOf(tally), ...(await controlsOf(context))]
  },
}

async function jump(scene: Scene, ms: number, tally: Tally): Promise<void> {
  const { app, move, server } = scene
  scene.dead.push(...(await expired(scene)))
  await move({ jumpMs: ms })
  await lookAt(scene, 'right after it', tally)
  await pause(TIMETABLE_MS)
  await lookAt(scene, 'a turn of the timetable later', tally)
  if (server.stderr().includes('clock has jumped')) tally.warned++
  await move({})
  await pause(KEYS_MS)
  await lookAt(scene, 'set right again', tally)
  const isAlive = (await app.isActive(scene.accessToken)) && (await app.refresh(scene.refreshToken)).status === 200
  if (isAlive) tally.aliveAgain++
}

async function lookAt({ app, name, dead, kids, signedBy }: Scene, when: string, tally: Tally): Promise<void> {
  for (const { what, token, caller } of dead) {
    // The token is introspected, not used: a use could end its family, and the next check would find no fault.
    if (await caller.isActive(token)) tally.revived.push(`${name}, ${when}: ${what}`)
  }
  const now = kidOf(await app.accessToken())
  if ((await jwksOf(app)) !== kids || now !== signedBy) tally.keysChanged.push(`${name}, ${when}`)
}

function findingsOf({ revived, keysChanged, warned, aliveAgain, scenes }: Tally): Finding[] {
  return [
    exactly('expired or revoked tokens that came back', revived.length, 0, listOf(revived)),
    exactly('keys purged or rotated by the jump', keysChanged.length, 0, listOf(keysChanged)),
    allOf('a warning in the log', warned, scenes),
    allOf('set right again, live tokens work', aliveAgain, scenes),
  ]
}

const listOf = (what: string[]): string => what.slice(0, 12).join('; ')

/** Keys rotate when time really passes. A live token among the dead ones must be found. */
async function controlsOf(context: Context): Promise<Finding[]> {
  const scene = await setUp(context, 'an hour that passes')
  const tally: Tally = { revived: [], keysChanged: [], warned: 0, aliveAgain: 0, scenes: 1 }
  await lookAt(
    { ...scene, dead: [{ what: 'a live one', token: scene.accessToken, caller: scene.app }] },
    'before',
    tally,
  )
  await scene.move({ passMs: HOUR })
  await pause(KEYS_MS)
  await lookAt(scene, 'afterwards', tally)
  return [
    control('an hour that passes', `keys changed ${tally.keysChanged.length} times`, '0', tally.keysChanged.length > 0),
    control('a live token among the dead', `${tally.revived.length} found`, '0', tally.revived.length > 0),
  ]
}
