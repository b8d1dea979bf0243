/**
 * Grants and their refresh token families. Refresh is the busiest write of all: one select, the rule, one
 * conditional update. A grant's client is joined to it: what ended all grants of a client is written once,
 * there, and the grants of a deleted client are found no more.
 */
import type { SQL } from 'drizzle-orm'
import type { Instant } from '../../ground/clock.ts'
import { Unavailable } from '../../ground/errors.ts'
import type {
  AuditEvent,
  GrantFilter,
  GrantRecord,
  NewBlacklistEntry,
  RotationOutcome,
  RotationVerdict,
  Store,
} from '../store.ts'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import { and, asc, eq, getTableColumns, gt, isNull, sql } from './drizzle.ts'
import type { BlacklistTable } from './blacklist.ts'
import { placeholdersFor, type Database } from './database.ts'
import { clients, grants } from './schema.ts'

type GrantVerbs = Pick<Store, 'createGrant' | 'findGrant' | 'rotateGrant' | 'endGrant' | 'listGrants'>
type GrantStatements = ReturnType<typeof prepareStatements>
type EndVerdict = Extract<RotationVerdict, { act: 'end' }>

export interface GrantDependencies {
  appendAudit: (event: AuditEvent) => void
  blacklist: BlacklistTable
}

export function grantVerbs(database: Database, { appendAudit, blacklist }: GrantDependencies): GrantVerbs {
  const statements = prepareStatements(database)
  const find = (sid: string): GrantRecord | undefined => {
    const row = statements.find.get({ sid })
    return row && row.clientId !== null ? toGrant({ ...row, clientId: row.clientId }) : undefined
  }
  const end = (sid: string, verdict: Pick<EndVerdict, 'reason' | 'event' | 'deny'>): void => {
    statements.end.run({ sid, now: database.now(), reason: verdict.reason })
    if (verdict.deny) blacklist.append(verdict.deny)
    appendAudit(verdict.event)
  }
  return {
    createGrant: (grant, event) =>
      database.write(() => {
        requireWelcome(grant, blacklist)
        const client = statements.client.get({ clientId: grant.clientId })
        if (!client) throw new Unavailable(`client "${grant.clientId}" was deleted meanwhile`)
        statements.insert.run({ ...grant, clientKey: client.key })
        appendAudit(event)
      }),
    findGrant: (sid) => database.read(() => find(sid)),
    rotateGrant: (sid, decide) =>
      database.write((): RotationOutcome => {
        const grant = find(sid)
        if (!grant) return { outcome: 'unknown' }
        const now = database.now()
        const verdict = decide(grant, now)
        if (verdict.act === 'refuse') return { outcome: 'refused', error: verdict.error }
        if (verdict.act !== 'end') return renew(statements, grant, verdict, now)
        end(sid, verdict)
        return { outcome: 'ended', error: verdict.error }
      }),
    endGrant: (sid, reason, deny, event) =>
      database.write(() => {
        const grant = find(sid)
        if (!grant) return 'unknown'
        if (grant.endedAt !== null) return 'already'
        const now = database.now()
        // Ended tokens too: this clock may be ahead, and they are live again once it is right.
        end(sid, { reason, event, deny: deny(grant, now) })
        return 'ended'
      }),
    listGrants: (filter, { after = '', limit }) =>
      database.read(() =>
        listFor(statements, filter)
          .all({ ...filter, after, limit })
          .map(toGrant),
      ),
  }
}

/** Another process may not have heard yet that a subject or client is refused; the database knows. */
function requireWelcome(grant: GrantRecord, blacklist: BlacklistTable): void {
  const refused = blacklist.refuses('sub', grant.sub) || blacklist.refuses('client_id', grant.clientId)
  if (refused) throw new Unavailable('the subject or client was put on the blacklist meanwhile')
}

/** Writes `rotate` or `repeat`, on the condition that the grant is live and its generation the one decided on. */
function renew(
  statements: GrantStatements,
  grant: GrantRecord,
  verdict: Extract<RotationVerdict, { act: 'rotate' | 'repeat' }>,
  now: Instant,
): RotationOutcome {
  const { sid, generation } = grant
  const accessExpiresAt = Math.max(grant.accessExpiresAt, verdict.accessExpiresAt)
  const { changes } =
    verdict.act === 'rotate'
      ? statements.rotate.run({ sid, generation, now, accessExpiresAt, idleExpiresAt: verdict.idleExpiresAt })
      : statements.repeat.run({ sid, generation, accessExpiresAt })
  if (changes !== 1 || grant.endedAt !== null) throw new Error(`grant ${sid} is over and was to be renewed`)
  if (verdict.act === 'repeat') return { outcome: 'repeated', grant: { ...grant, accessExpiresAt } }
  const { idleExpiresAt } = verdict
  return {
    outcome: 'rotated',
    grant: { ...grant, generation: generation + 1, rotatedAt: now, idleExpiresAt, accessExpiresAt },
  }
}

/** Ends grants that a blacklist entry names, inside a write. */
export function grantEnding(database: Database): (entry: NewBlacklistEntry) => void {
  const end = (condition: SQL) =>
    database.sql
      .update(grants)
      .set(ENDING)
      .where(and(condition, isNull(grants.endedAt)))
      .prepare()
  const bySid = end(eq(grants.sid, sql.placeholder('value')))
  const bySub = end(eq(grants.sub, sql.placeholder('value')))
  const byClient = prepareClientEnding(database)
  return ({ kind, value }) => {
    const ending = { value, now: database.now(), reason: 'blacklist' }
    if (kind === 'sid') bySid.run(ending)
    else if (kind === 'sub') bySub.run(ending)
    else if (kind === 'client_id') byClient(value)
  }
}

/**
 * One row for however many grants. After a clock that went back, grants can be younger than now, so the line
 * is drawn at the newest of them where that is later.
 */
function prepareClientEnding({ sql: database, now }: Database): (clientId: string) => void {
  const newest = sql`(SELECT ${grants.createdAt} FROM ${grants} WHERE ${grants.clientKey} = ${clients.key} ORDER BY ${grants.sid} DESC LIMIT 1)`
  const line = sql`max(coalesce(${clients.grantsEndedUntil}, 0), coalesce(${newest}, 0), ${sql.placeholder('now')})`
  const update = database
    .update(clients)
    .set({ grantsEndedUntil: line })
    .where(eq(clients.clientId, sql.placeholder('clientId')))
    .prepare()
  return (clientId) => void update.run({ clientId, now: now() })
}

const ENDING = { endedAt: sql`${sql.placeholder('now')}`, endedReason: sql`${sql.placeholder('reason')}` }

/** One statement for each set of filters, so that each has its index. */
function listFor({ list }: GrantStatements, { clientId, sub }: GrantFilter) {
  if (clientId === undefined) return sub === undefined ? list.all : list.ofSubject
  return sub === undefined ? list.ofClient : list.ofBoth
}

type GrantRow = GrantRecord & { grantsEndedUntil: Instant | null }

/** A grant as its client lets it be: over, where the client's grants up to a later instant are. */
function toGrant({ grantsEndedUntil, ...grant }: GrantRow): GrantRecord {
  if (grant.endedAt !== null || grantsEndedUntil === null || grantsEndedUntil < grant.createdAt) return grant
  return { ...grant, endedAt: grantsEndedUntil, endedReason: 'client' }
}

function prepareStatements({ sql: database }: Database) {
  const { clientKey, ...own } = getTableColumns(grants)
  const columns = { ...own, clientId: clients.clientId, grantsEndedUntil: clients.grantsEndedUntil }
  const select = () => database.select(columns).from(grants).innerJoin(clients, eq(clients.key, clientKey))
  const one = eq(grants.sid, sql.placeholder('sid'))
  // For a single row a join costs SQLite ten times what these two look-ups do.
  const ofClientRow = <T>(column: SQLiteColumn) =>
    sql<T>`(SELECT ${column} FROM ${clients} WHERE ${clients.key} = ${clientKey})`
  const alone = {
    ...own,
    clientId: ofClientRow<string | null>(clients.clientId),
    grantsEndedUntil: ofClientRow<Instant | null>(clients.grantsEndedUntil),
  }
  const unchanged = and(one, eq(grants.generation, sql.placeholder('generation')), isNull(grants.endedAt))
  const accessExpiresAt = sql`${sql.placeholder('accessExpiresAt')}`
  const ofSubject = eq(grants.sub, sql.placeholder('sub'))
  const ofClient = sql`${clientKey} = (SELECT key FROM clients WHERE client_id = ${sql.placeholder('clientId')})`
  // The plus keeps SQLite from the client's index: a client can have millions of grants, a person has few.
  const ofBoth = and(ofSubject, sql`+${clients.clientId} = ${sql.placeholder('clientId')}`)
  const list = (filter?: SQL) =>
    select()
      .where(and(gt(grants.sid, sql.placeholder('after')), filter))
      .orderBy(asc(grants.sid))
      .limit(sql.placeholder('limit'))
      .prepare()
  return {
    client: database
      .select({ key: clients.key })
      .from(clients)
      .where(eq(clients.clientId, sql.placeholder('clientId')))
      .prepare(),
    insert: database.insert(grants).values(placeholdersFor(grants)).prepare(),
    find: database.select(alone).from(grants).where(one).prepare(),
    rotate: database
      .update(grants)
      .set({
        generation: sql`${grants.generation} + 1`,
        rotatedAt: sql`${sql.placeholder('now')}`,
        idleExpiresAt: sql`${sql.placeholder('idleExpiresAt')}`,
        accessExpiresAt,
      })
      .where(unchanged)
      .prepare(),
    repeat: database.update(grants).set({ accessExpiresAt }).where(unchanged).prepare(),
    end: database
      .update(grants)
      .set(ENDING)
      .where(and(one, isNull(grants.endedAt)))
      .prepare(),
    list: { all: list(), ofSubject: list(ofSubject), ofClient: list(ofClient), ofBoth: list(ofBoth) },
  }
}
