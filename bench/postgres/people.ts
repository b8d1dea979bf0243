/** A sign-in with a cookie to a code and its redemption, and a refresh of the same app: on PostgreSQL beside SQLite. */
import type { PostgresServer } from '../../harness/postgres-server.ts'
import type { Bench } from '../bench.ts'
import { APPS, ENVIRONMENT, preparePeople, redeeming, renewing, signIn } from '../cases/signing-in.ts'
import type { Finding } from '../finding.ts'
import { describe, rateRatio } from '../ratio-goal.ts'
import { compare } from '../rounds.ts'
import { copyOf, startSignet } from '../sides/signet.ts'
import { placeOn } from './sides.ts'

const WORK = 'cookie to code to tokens, ID token ES256'

export async function peopleOnPostgres(bench: Bench, server: PostgresServer): Promise<Finding> {
  const places = { SQLite: copyOf(bench.model, 'people-sqlite'), PostgreSQL: await placeOn(server) }
  const contenders = []
  const sides = []
  try {
    for (const [name, place] of Object.entries(places)) {
      await preparePeople(place)
      const side = await startSignet(`Signet, ${name}`, place, { env: ENVIRONMENT })
      sides.push(side)
      const cookie = await signIn(side)
      const work = await renewing(bench, side, cookie)
      contenders.push({ side, work: redeeming(side, cookie, APPS.ES256) })
      contenders.push({ side: { ...side, name: `${side.name}, /refresh of the same app` }, work })
    }
    const rows = await compare(bench, { work: WORK, contenders, base: 0 })
    const [onSqlite, , onPostgres, renewals] = rows
    if (!onSqlite || !onPostgres || !renewals) throw new Error('a row is missing')
    return {
      rows,
      goals: [],
      facts: [
        { what: `${WORK}: PostgreSQL to SQLite`, found: describe(rateRatio(onPostgres, onSqlite)) },
        { what: `${WORK}: to /refresh of the same app, PostgreSQL`, found: describe(rateRatio(onPostgres, renewals)) },
      ],
    }
  } finally {
    await Promise.all(sides.map((side) => side.stop()))
  }
}
