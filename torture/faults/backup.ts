/** A backup taken under load and restored elsewhere: the contract says what lives on and what ends (§5, `restore`). */
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Caller } from '../caller.ts'
import type { Context, Fault } from '../fault.ts'
import { allOf, control, exactly, type Finding } from '../finding.ts'
import { integrityOf } from '../integrity.ts'
import { Journal } from '../journal.ts'
import { preparePlace, type Place } from '../place.ts'

const FAMILIES = 8
/** Grants that are left alone while the backups are made: each backup has to hold them as they are. */
const STILL = 10

interface Source {
  place: Place
  backups: string[]
  failures: string[]
  refreshes: number
  still: { accessToken: string; refreshToken: string }[]
  /** An access token without a grant. */
  single: string
  revoked: string
  jwks: string
}

export const backup: Fault = {
  name: 'backup',
  title: 'backup under load, restore',
  async run(context) {
    const source = await backUpUnderLoad(context, context.count(2, 20))
    const unsound = source.backups.filter((file) => integrityOf(file) !== 'ok')
    const [newest = ''] = source.backups.slice(-1)
    const ended = await restored(context, source, newest, [])
    const kept = await restored(context, source, newest, ['--keep-grants'])
    return [
      exactly(
        'backups that failed',
        source.failures.length,
        0,
        [`${source.backups.length} taken`, ...source.failures.slice(0, 1)].join('; '),
      ),
      exactly('… with `integrity_check` not clean', unsound.length, 0, `${source.refreshes} refreshes meanwhile`),
      exactly('restored: keys that differ', ended.keysDiffer + kept.keysDiffer, 0),
      allOf('restored: clients and access tokens without a grant work', ended.singles + kept.singles, 2),
      exactly('restored: tokens revoked before that work', ended.revived + kept.revived, 0),
      exactly('restored: refresh tokens that work', ended.refreshed, 0),
      exactly('restored: access tokens of grants that are active', ended.active, 0),
      allOf('restored with `--keep-grants`: refresh tokens work', kept.refreshed, STILL),
      allOf('… and access tokens of grants', kept.active, STILL),
      control('grants not kept', `${ended.refreshed} of ${STILL} refresh tokens work`, 'all', ended.refreshed < STILL),
      ...(await refusalsOf(context, source, newest)),
    ]
  },
}

async function backUpUnderLoad(context: Context, count: number): Promise<Source> {
  const place = preparePlace(context, { env: { SIGNET_REFRESH_GRACE: '0s' } })
  const server = await place.start()
  const app = new Caller(server.url, place.app)
  const still = await Promise.all(Array.from({ length: STILL }, () => app.grant()))
  const [single, revoked] = [await app.accessToken(), await app.accessToken()]
  await app.revoke(revoked)
  const jwks = (await app.send('/.well-known/jwks.json')).text
  const journal = new Journal()
  await journal.open(app, FAMILIES)
  let over = false
  const load = journal.families.map((family) => journal.refreshOn(family, app, () => !over))
  const backups: string[] = []
  const failures: string[] = []
  for (let number = 0; number < count; number++) {
    const file = join(place.folder, `backup-${number}.db`)
    const { code, stderr } = await place.run(['backup', file])
    if (code === 0) backups.push(file)
    else failures.push(stderr)
    context.progress(`${number + 1} of ${count} backups`)
  }
  over = true
  await Promise.all(load)
  if (journal.refusals.length > 0) failures.push(`a refresh was refused meanwhile: ${journal.refusals[0]}`)
  await server.stop()
  return { place, backups, failures, refreshes: journal.refreshes, still, single, revoked, jwks }
}

/** An empty place with the same clients and the master key of the source. */
function emptyPlace(context: Context, { place }: Source): Place {
  const folder = context.folder()
  cpSync(join(place.folder, 'keys/master.key'), join(folder, 'keys/master.key'), { recursive: true })
  const { app, operator } = place
  return preparePlace(context, { folder, secrets: { app: app.secret, operator: operator.secret } })
}

async function restored(context: Context, source: Source, file: string, options: string[]) {
  const place = emptyPlace(context, source)
  const { code, stderr } = await place.run(['restore', file, ...options])
  if (code !== 0) throw new Error(`the restore ended with ${code}: ${stderr}`)
  const server = await place.start()
  const app = new Caller(server.url, place.app)
  const keysDiffer = (await app.send('/.well-known/jwks.json')).text === source.jwks ? 0 : 1
  const singles = (await app.isActive(source.single)) ? 1 : 0
  const revived = (await app.isActive(source.revoked)) ? 1 : 0
  const verdicts = await Promise.all(source.still.map(({ accessToken }) => app.isActive(accessToken)))
  const answers = await Promise.all(source.still.map(({ refreshToken }) => app.refresh(refreshToken)))
  await server.stop()
  return {
    keysDiffer,
    singles,
    revived,
    active: verdicts.filter(Boolean).length,
    refreshed: answers.filter(({ status }) => status === 200).length,
  }
}

/** A place that is taken, and one without the master key. */
async function refusalsOf(context: Context, source: Source, file: string): Promise<Finding[]> {
  const without = preparePlace(context)
  mkdirSync(join(without.folder, 'keys'), { mode: 0o700 })
  const outcomes = [await source.place.run(['restore', file]), await without.run(['restore', file])]
  const refused = outcomes.filter(({ code, stderr }) => code === 1 && !/\n\s+at /.test(stderr))
  return [allOf('restore refused over a database, and without the master key', refused.length, outcomes.length)]
}
