/**
 * The steps that are measured as hot, or that equality cannot say, written by hand. Refresh is the busiest write of
 * all: one select, the rule, one conditional update. What ended all grants of a client is written once, in the client's
 * row, and the grants of a deleted client are found no more.
 */
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import type { Instant } from '../../ground/clock.ts'
import type { Rotated, RotationRule, Welcome } from '../engine.ts'
import type { GrantRecord, RotationVerdict } from '../store.ts'
import { toGrant, type GrantRow } from '../acts/grant-rows.ts'
import type { Database, OpenDatabase } from './database.ts'
import { and, asc, desc, eq, getTableColumns, inArray, isNull, sql } from './drizzle.ts'
import { clients, columnNamed, grants, signingKeys } from './schema.ts'

export interface Measured {
  findGrant(sid: string): GrantRecord | undefined
  rotate(sid: string, decide: RotationRule): Rotated
  reserve(kid: string, until: Instant): boolean
  welcome(pair: { clientId: string; sub: string }): Welcome
  countOwned(owned: { owner: string; cause: string; now: Instant }): number
  oldestBeyond(pair: { clientKey: number; sub: string; limit: number }): string | undefined
  newestGrantAt(clientKey: number): Instant
  latestMark(): Instant
}

export function measuredSteps(database: OpenDatabase): Measured {
  const statements = { ...prepareStatements(database), ...prepareRaw(database) }
  const findGrant = (sid: string): GrantRecord | undefined => {
    // The columns are those of the table and of the two look-ups.
    const row = statements.find.get({ sid }) as GrantRow | undefined
    return row && toGrant(row)
  }
  return {
    findGrant,
    rotate: (sid, decide) => {
      const grant = findGrant(sid)
      if (!grant) return { outcome: 'unknown' }
      const now = database.now()
      const verdict = decide(grant, now)
      if (verdict.act === 'refuse') return { outcome: 'refused', verdict }
      if (verdict.act === 'end') return { outcome: 'ending', grant, verdict }
      return renew(statements, grant, verdict, now)
    },
    reserve: (kid, until) => statements.reserve.run({ kid, until }).changes === 1,
    welcome: ({ clientId, sub }) => {
      const found = statements.welcome.get({ clientId, sub, now: database.now() })
      return { clientKey: found?.key ?? null, isRefused: found?.refused === 1, isTaken: found?.taken === 1 }
    },
    countOwned: ({ owner, cause, now }) => statements.owned.get({ owner, cause, now }) ?? 0,
    oldestBeyond: ({ clientKey, sub, limit }) => {
      const beyond = statements.beyond.get({ clientKey, sub, limit: limit - 1 })
      return beyond && (statements.oldest.get({ clientKey, sub })?.sid as string | undefined)
    },
    newestGrantAt: (clientKey) => Number(statements.newest.get({ clientKey })?.at ?? 0),
    latestMark: () => statements.latestMark.get()?.mark ?? 0,
  }
}

/** Writes `rotate` or `repeat`, on the condition that the grant is live and its generation the one decided on. */
function renew(
  statements: ReturnType<typeof prepareStatements>,
  grant: GrantRecord,
  verdict: Extract<RotationVerdict, { act: 'rotate' | 'repeat' }>,
  now: Instant,
): Rotated {
  const { sid, generation } = grant
  const accessExpiresAt = Math.max(grant.accessExpiresAt, verdict.accessExpiresAt)
  const { changes } =
    verdict.act === 'rotate'
      ? statements.rotate.run({ sid, generation, now, accessExpiresAt, idleExpiresAt: verdict.idleExpiresAt })
      : statements.repeat.run({ sid, generation, accessExpiresAt })
  if (changes !== 1 || grant.endedAt !== null) throw new Error(`grant ${sid} is over and was to be renewed`)
  if (verdict.act === 'repeat') return { outcome: 'repeated', at: now, grant: { ...grant, accessExpiresAt } }
  const { idleExpiresAt } = verdict
  return {
    outcome: 'rotated',
    at: now,
    grant: { ...grant, generation: generation + 1, rotatedAt: now, idleExpiresAt, accessExpiresAt },
  }
}

const grant = (name: string) => columnNamed(grants, name)
const client = (name: string) => columnNamed(clients, name)
const key = (name: string) => columnNamed(signingKeys, name)

/** Raw, since all of it is asked in one statement, for every new grant. */
function prepareRaw({ connection: { raw } }: OpenDatabase) {
  const standing = 'removed_at IS NULL AND (expires_at IS NULL OR expires_at > :now)'
  const refused = (kind: string, value: string) =>
    `EXISTS (SELECT 1 FROM blacklist_entries WHERE value = ${value} AND kind = '${kind}' AND refuses_new AND ${standing})`
  return {
    welcome: raw.prepare<[Record<string, unknown>], { key: number | null; refused: number; taken: number }>(
      `SELECT (SELECT key FROM clients WHERE client_id = :clientId) AS key,
        ${refused('sub', ':sub')} OR ${refused('client_id', ':clientId')} AS refused,
        :sub <> :clientId AND EXISTS (SELECT 1 FROM clients WHERE client_id = :sub) AS taken`,
    ),
    owned: raw
      .prepare<[Record<string, unknown>], number>(
        `SELECT count(*) FROM blacklist_entries WHERE owner IS NOT NULL AND owner = :owner AND cause = :cause AND ${standing}`,
      )
      .pluck(),
  }
}

function prepareStatements({ sql: database }: Database) {
  const one = eq(grant('sid'), sql.placeholder('sid'))
  // For a single row a join costs SQLite ten times what these two look-ups do.
  const ofClientRow = (column: SQLiteColumn) =>
    sql`(SELECT ${column} FROM ${clients} WHERE ${client('key')} = ${grant('clientKey')})`
  const columns = {
    ...getTableColumns(grants),
    clientId: ofClientRow(client('clientId')),
    grantsEndedUntil: ofClientRow(client('grantsEndedUntil')),
  }
  const unchanged = and(one, eq(grant('generation'), sql.placeholder('generation')), isNull(grant('endedAt')))
  const accessExpiresAt = sql`${sql.placeholder('accessExpiresAt')}`
  const ofPair = and(
    eq(grant('clientKey'), sql.placeholder('clientKey')),
    eq(grant('sub'), sql.placeholder('sub')),
    isNull(grant('endedAt')),
  )
  const liveOfPair = database
    .select({ sid: grant('sid') })
    .from(grants)
    .where(ofPair)
    .orderBy(asc(grant('sid')))
  return {
    find: database.select(columns).from(grants).where(one).prepare(),
    rotate: database
      .update(grants)
      .set({
        generation: sql`${grant('generation')} + 1`,
        rotatedAt: sql`${sql.placeholder('now')}`,
        idleExpiresAt: sql`${sql.placeholder('idleExpiresAt')}`,
        accessExpiresAt,
      })
      .where(unchanged)
      .prepare(),
    repeat: database.update(grants).set({ accessExpiresAt }).where(unchanged).prepare(),
    beyond: liveOfPair.$dynamic().limit(1).offset(sql.placeholder('limit')).prepare(),
    oldest: database
      .select({ sid: grant('sid') })
      .from(grants)
      .where(ofPair)
      .orderBy(asc(grant('sid')))
      .limit(1)
      .prepare(),
    newest: database
      .select({ at: grant('createdAt') })
      .from(grants)
      .where(eq(grant('clientKey'), sql.placeholder('clientKey')))
      .orderBy(desc(grant('sid')))
      .limit(1)
      .prepare(),
    latestMark: database
      .select({ mark: sql<number | null>`max(${key('signedUntil')})` })
      .from(signingKeys)
      .where(inArray(key('status'), ['next', 'active', 'retiring']))
      .prepare(),
    reserve: database
      .update(signingKeys)
      .set({ signedUntil: sql`max(${key('signedUntil')}, ${sql.placeholder('until')})` })
      .where(and(eq(key('kid'), sql.placeholder('kid')), inArray(key('status'), ['active', 'retiring'])))
      .prepare(),
  }
}
