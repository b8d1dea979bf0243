/** Facts about the database for operators. */
import { Fault } from '../../ground/errors.ts'
import { describeAddress } from '../../ground/postgres-url.ts'
import { countTexts, toCounts } from '../counts.ts'
import type { Engine } from '../engine.ts'
import type { StoreFacts } from '../records/facts.ts'
import type { Database } from './database.ts'
import { unavailable } from './failures.ts'
import type { Asker, Session } from './pool.ts'

/** Counting may take long, and nobody but an operator waits for it. */
const LIMIT_MS = 60_000

const SETTINGS = ['server_version', 'fsync', 'synchronous_commit', 'ssl', 'max_connections']

export function factsVerb(database: Database): Pick<Engine, 'facts' | 'figures' | 'countSessions'> {
  let sizeBytes = 0
  // Figures are read often, so the size is that of the opening or of the last look at the facts.
  readSize(database, database.pool).then(
    (size) => void (sizeBytes = size),
    () => {},
  )
  return {
    countSessions: async () => {
      try {
        const [row] = await database.pool.ask(textsOf(database).sessions, [database.time.now()])
        return Number(row?.[0])
      } catch (error) {
        throw unavailable(error)
      }
    },
    facts: async ({ integrity }) => {
      try {
        const session = await database.pool.session(performance.now() + LIMIT_MS)
        const facts = await gather(database, session, integrity).finally(() => session.release())
        sizeBytes = facts.sizeBytes
        return facts
      } catch (error) {
        throw unavailable(error)
      }
    },
    figures: () => ({ sizeBytes, journalBytes: undefined, commits: database.commits }),
  }
}

async function gather(database: Database, session: Session, integrity: boolean): Promise<StoreFacts> {
  const settings = await session.ask('SELECT name, setting FROM pg_settings WHERE name = ANY($1) ORDER BY name', [
    SETTINGS,
  ])
  const [counts = []] = await session.ask(textsOf(database).all, [database.time.now()])
  return {
    location: describeAddress(database.address),
    sizeBytes: await readSize(database, session),
    journalBytes: undefined,
    settings: Object.fromEntries(settings.map(([name, setting]) => [String(name), String(setting)])),
    integrity: integrity ? 'ok' : null,
    counts: toCounts(counts),
  }
}

const textsOf = ({ statements }: Database) => countTexts((table) => statements.name(table), '$1')

/** Of the tables and their indexes. */
async function readSize({ schema }: Database, by: Asker): Promise<number> {
  const [row] = await by.ask(
    `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind = 'r'`,
    [schema],
  )
  return Number(row?.[0])
}

/** PostgreSQL has its own means, which know of transactions in flight. */
export const backupFault = (): Fault =>
  new Fault(
    'signet backup copies a SQLite file, and this database is PostgreSQL',
    'back it up with pg_dump, or with what backs up the whole server; after a restore run: signet grant revoke --all --reason restored',
  )
