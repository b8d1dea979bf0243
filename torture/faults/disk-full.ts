/** The disk fills while families are refreshed, stays full for a while, and has room again. */
import { setTimeout as pause } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { Caller, orNothing, type Answer } from '../caller.ts'
import type { Context, Fault } from '../fault.ts'
import { allOf, atLeast, below, control, exactly, skipped, type Finding } from '../finding.ts'
import { integrityOf } from '../integrity.ts'
import { Journal, type Verdict } from '../journal.ts'
import { unshakable } from '../latency.ts'
import { preparePlace } from '../place.ts'
import { makeSmallDisk, type SmallDisk } from '../small-disk.ts'

const FAMILIES = 8
/** So many refreshes must be refused by the full disk. */
const REFUSALS = 40
/** The first refusal takes a while: SQLite first writes into space that it already has. */
const MET_WITHIN_MS = 20_000
const RECOVERED_WITHIN_S = 2

export const diskFull: Fault = {
  name: 'disk-full',
  title: 'disk full during load',
  async run(context) {
    const disk = makeSmallDisk(context)
    if (!disk) return [skipped('disk full', 'neither a tmpfs can be mounted nor `prlimit` be run here')]
    const place = preparePlace(context, { folder: disk.folder, env: { SIGNET_REFRESH_GRACE: '5m' } })
    const server = await place.start()
    const app = new Caller(server.url, place.app)
    const held = await Promise.all([app.accessToken(), app.grant()])
    const journal = new Journal()
    await journal.open(app, FAMILIES)
    let over = false
    const load = journal.families.map((family) => journal.refreshOn(family, app, () => !over))

    await pause(500)
    const roomy = { refreshes: journal.refreshes, refused: journal.unavailable }
    emptyJournal(place.database)
    disk.fill(server.pid, [place.database, `${place.database}-wal`])
    await until(() => journal.unavailable >= REFUSALS)
    const others = await askOthers(context, app, held[0])
    const writes = [await orNothing(app.revoke(held[1].refreshToken)), await orNothing(grantAnswer(app))]
    const recoveredMs = await recover(disk, server.pid, journal)
    over = true
    await Promise.all(load)
    const verdicts = await Promise.all(journal.families.map((family) => journal.check(family, app)))
    return [
      ...refusalsOf(journal, disk, writes),
      ...others,
      below('writes again, without a restart, after', recoveredMs / 1000, RECOVERED_WITHIN_S, 's'),
      ...lossesOf(verdicts, journal),
      exactly('`integrity_check` not clean', integrityOf(place.database) === 'ok' ? 0 : 1, 0),
      control(
        'a disk with room',
        `${roomy.refused} of ${roomy.refreshes} refreshes refused`,
        `≥ ${REFUSALS}`,
        roomy.refreshes > 0 && roomy.refused === 0,
      ),
    ]
  },
}

/** Without this SQLite would overwrite its grown journal again and again, and never need more space. */
function emptyJournal(file: string): void {
  const database = new Database(file, { timeout: 2000 })
  database.pragma('wal_checkpoint(TRUNCATE)')
  database.close()
}

async function until(what: () => boolean): Promise<void> {
  const deadline = performance.now() + MET_WITHIN_MS
  while (!what()) {
    if (performance.now() > deadline) throw new Error(`what was waited for did not come within ${MET_WITHIN_MS} ms`)
    await pause(5)
  }
}

const grantAnswer = (app: Caller): Promise<Answer> =>
  app.send('/token', { form: { grant_type: 'client_credentials', scope: 'offline_access' } })

/** Sends requests that write nothing while the disk is full. */
async function askOthers(context: Context, app: Caller, accessToken: string): Promise<Finding[]> {
  const times = context.count(50, 500)
  const asked: Record<string, () => Promise<Answer>> = {
    ...unshakable(app),
    introspection: () => app.send('/introspect', { form: { token: accessToken } }),
    'client credentials': () => app.send('/token', { form: { grant_type: 'client_credentials' } }),
  }
  const findings: Finding[] = []
  for (const [what, send] of Object.entries(asked)) {
    let good = 0
    for (let time = 0; time < times; time++) {
      const answer = await orNothing(send())
      if (answer?.status === 200 && (what !== 'introspection' || answer.body.active === true)) good++
    }
    findings.push(allOf(`${what}, answered meanwhile`, good, times))
  }
  return findings
}

/** @returns the time from free space to the first refresh with 200, in milliseconds */
async function recover(disk: SmallDisk, pid: number, journal: Journal): Promise<number> {
  const before = journal.refreshes
  disk.free(pid)
  const freed = performance.now()
  await until(() => journal.refreshes > before)
  return performance.now() - freed
}

function refusalsOf(journal: Journal, { how }: SmallDisk, writes: (Answer | undefined)[]): Finding[] {
  const refused = writes.filter((each) => each?.status === 503 && Number(each.headers.get('retry-after')) > 0)
  return [
    atLeast('refreshes answered 503', journal.unavailable, REFUSALS, '', how),
    exactly('… without `Retry-After`', journal.withoutRetryAfter, 0),
    exactly('… refused in any other way', journal.refusals.length, 0, journal.refusals[0]),
    allOf('revocation and new grant answered 503 with `Retry-After`', refused.length, writes.length),
  ]
}

function lossesOf(verdicts: Verdict[], { refreshes }: Journal): Finding[] {
  const lost = verdicts.flatMap((verdict) => verdict.lost ?? [])
  const doubly = verdicts.reduce((sum, { doublyValid }) => sum + doublyValid, 0)
  return [
    exactly('lost families', lost.length, 0, [`${refreshes} refreshes answered`, ...lost.slice(0, 1)].join('; ')),
    exactly('doubly valid tokens', doubly, 0),
  ]
}
