/**
 * Refreshes while `strace` logs the writes of the server, and the questions that this log alone can answer.
 */
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { Caller } from './caller.ts'
import { DiskImage } from './disk-image.ts'
import { readDiskLog, straceInto, type DiskEvent } from './disk-log.ts'
import type { Context } from './fault.ts'
import { Journal, type Family } from './journal.ts'
import { preparePlace, type Place } from './place.ts'

const FAMILIES = 8
/** These refreshes come one after another, so that each is a commit of its own. */
const IN_A_ROW = 100
/** Each grant writes some pages of the journal; the checkpoint comes at a thousand pages. */
const GRANTS = 200

export interface Recording {
  place: Place
  /** The database before the first event, closed and whole. */
  before: string
  events: DiskEvent[]
  /** The family of each refresh token. */
  familyOf: Map<string, Family>
  /** The tokens of the refreshes in a row, in order. */
  row: string[]
}

/** Makes refreshes in a row, then so many in parallel, all under `strace`. Kills the server at the end. */
export async function record(context: Context, refreshes: number, nodeOptions: string[] = []): Promise<Recording> {
  const place = preparePlace(context, { env: { SIGNET_REFRESH_GRACE: '1h' } })
  await (await place.start()).stop()
  const before = join(place.folder, 'before.db')
  copyFileSync(place.database, before)
  const log = join(place.folder, 'strace.log')
  const server = await place.start({ nodeOptions, under: straceInto(log) })
  const app = new Caller(server.url, place.app)
  const journal = new Journal()
  await journal.open(app, FAMILIES + 1)
  const [lonely, ...families] = journal.families
  if (!lonely) throw new Error('there is a first family')
  for (let time = 0; time < IN_A_ROW; time++) await journal.refresh(lonely, app)
  const row = lonely.acknowledged.slice(1)
  // New grants fill the journal until SQLite moves it into the database: some cuts have to fall into that move.
  for (let time = 0; time < GRANTS; time++) await app.grant()
  await Promise.all(
    families.map((family) => journal.refreshOn(family, app, () => journal.refreshes < IN_A_ROW + refreshes)),
  )
  context.progress(`${journal.refreshes} refreshes logged`)
  await server.stop('SIGKILL')
  const events = await readDiskLog(log, [place.database, walOf(place)])
  const familyOf = new Map(journal.families.flatMap((family) => family.acknowledged.map((token) => [token, family])))
  return { place, before, events, familyOf, row }
}

export const walOf = ({ database }: Place): string => `${database}-wal`

export const answersOf = ({ events }: Recording): number => events.filter(({ kind }) => kind === 'answer').length

/** Syncs of the journal from the first response of the row to its last, and the sync before the first. */
export function syncsOf({ events, row, place }: Recording): number {
  const at = (token: string | undefined) =>
    events.findIndex((event) => event.kind === 'answer' && event.refreshToken === token)
  const between = events.slice(at(row[0]), at(row.at(-1)))
  return 1 + between.filter((event) => event.kind === 'sync' && event.file === walOf(place)).length
}

export const checkpointsOf = ({ events, place }: Recording): number =>
  events.filter((event) => event.kind === 'sync' && event.file === place.database).length

/** Responses that were sent while the journal had writes without a sync: their commit may be among those writes. */
export function answersBeforeSync({ events, place, before }: Recording): number {
  const image = new DiskImage({ [place.database]: before })
  let early = 0
  for (const event of events) {
    image.apply(event)
    if (event.kind === 'answer' && image.pending(walOf(place)) > 0) early++
  }
  return early
}
