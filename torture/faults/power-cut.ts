/**
 * Power cuts. `strace` logs the writes, syncs and responses of Signet, in order. The log shows whether each response came
 * after the sync of its commit. Files that are rebuilt as a disk holds them at a cut must hold every acknowledged change.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Caller } from '../caller.ts'
import { DiskImage } from '../disk-image.ts'
import { canTrace } from '../disk-log.ts'
import type { Context, Fault } from '../fault.ts'
import { atLeast, control, exactly, skipped, type Finding } from '../finding.ts'
import { integrityOf } from '../integrity.ts'
import { Journal, type Family } from '../journal.ts'
import type { Place } from '../place.ts'
import { answersBeforeSync, answersOf, checkpointsOf, record, syncsOf, walOf, type Recording } from '../recording.ts'

const LYING = ['--import', resolve(import.meta.dirname, '../../bench/preload/normal-synchronous.ts')]

interface Replay {
  cuts: number
  /** Families whose newest acknowledged token did not work any more, over all cuts. */
  lost: string[]
  doublyValid: number
  unsound: number
}

export const powerCut: Fault = {
  name: 'power-cut',
  title: 'power cut',
  async run(context) {
    if (!canTrace()) return [skipped('syncs, and files rebuilt at a cut', 'there is no `strace` here that may trace')]
    const full = await record(context, context.count(600, 4000))
    const { length: rowLength } = full.row
    const early = answersBeforeSync(full)
    const cuts = context.count(5, 100)
    const kept = await replay(context, full, cuts, false)
    const torn = await replay(context, full, cuts, true)
    const lying = await record(context, 100, LYING)
    const lyingEarly = answersBeforeSync(lying)
    const lyingReplay = await replay(context, lying, 2, false)
    return [
      atLeast('syncs for refreshes one after another', syncsOf(full), rowLength, '', `${rowLength} commits`),
      exactly('answers sent before their commit was synced', early, 0, `${answersOf(full)} answers`),
      atLeast('checkpoints among what was logged', checkpointsOf(full), 1),
      ...findingsOf('only what was synced is kept', kept),
      ...findingsOf('and random sectors of the rest', torn),
      control(
        '`synchronous=NORMAL`, syncs',
        `${syncsOf(lying)} for ${lying.row.length} commits`,
        `≥ ${lying.row.length}`,
        syncsOf(lying) < lying.row.length / 2,
      ),
      control(
        '`synchronous=NORMAL`, answers before their sync',
        `${lyingEarly} of ${answersOf(lying)}`,
        '0',
        lyingEarly > 0,
      ),
      control(
        '`synchronous=NORMAL`, only what was synced is kept',
        `${lyingReplay.lost.length} families lost`,
        '0',
        lyingReplay.lost.length > 0,
      ),
    ]
  },
}

/** Cuts the power at random moments, and starts Signet on the files of each cut. */
async function replay(context: Context, recording: Recording, cuts: number, torn: boolean): Promise<Replay> {
  const { place, before, events, familyOf } = recording
  const result: Replay = { cuts, lost: [], doublyValid: 0, unsound: 0 }
  const moments = momentsOf(context, recording, cuts, torn)
  const image = new DiskImage({ [place.database]: before })
  const answered = new Map<Family, string[]>()
  for (const [index, event] of events.entries()) {
    image.apply(event)
    if (event.kind === 'answer') {
      const family = familyOf.get(event.refreshToken)
      if (family) answered.set(family, [...(answered.get(family) ?? []), event.refreshToken])
    }
    if (!moments.has(index)) continue
    rmSync(dirname(place.database), { recursive: true, force: true })
    mkdirSync(dirname(place.database), { mode: 0o700 })
    image.writeOut(torn ? context.random : undefined)
    await lookAt(place, [...answered.values()], result)
    context.progress(`cut after event ${index} of ${events.length}`)
  }
  return result
}

/** Right after a response, which is hardest for acknowledged changes; or amid writes, which is hardest for the file. */
function momentsOf(context: Context, { events, place, before }: Recording, cuts: number, torn: boolean): Set<number> {
  const image = new DiskImage({ [place.database]: before })
  const hard: number[] = []
  for (const [index, event] of events.entries()) {
    image.apply(event)
    const amid = image.pending(place.database) + image.pending(walOf(place)) > 0
    if (torn ? amid : event.kind === 'answer') hard.push(index)
  }
  // The last moment is always among them, because most changes are acknowledged by then.
  const chosen = new Set(hard.slice(-1))
  while (chosen.size < Math.min(cuts, hard.length)) chosen.add(context.random.pick(hard))
  return chosen
}

async function lookAt(place: Place, answered: string[][], result: Replay): Promise<void> {
  const server = await place.start()
  const app = new Caller(server.url, place.app)
  const journal = new Journal()
  // The client does not know whether a later use was running at the power cut.
  const families = answered.map((acknowledged): Family => ({ acknowledged: [...acknowledged], unanswered: true }))
  for (const family of families) {
    const { lost, doublyValid } = await journal.check(family, app)
    if (lost !== undefined) result.lost.push(lost)
    result.doublyValid += doublyValid
  }
  await server.stop('SIGKILL')
  if (integrityOf(place.database) !== 'ok') result.unsound++
}

const findingsOf = (what: string, { cuts, lost, doublyValid, unsound }: Replay): Finding[] => [
  exactly(`${what}: acknowledged and missing`, lost.length, 0, [`${cuts} cuts`, ...lost.slice(0, 1)].join('; ')),
  exactly('… doubly valid', doublyValid, 0),
  exactly('… `integrity_check` not clean', unsound, 0),
]
