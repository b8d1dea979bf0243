/**
 * Steps that are written by hand, because they are hot or need more than equality. Refresh is the most frequent write:
 * one select, the rule, one conditional update. The end of all grants of a client is stored once, in the client's row.
 * Grants of a deleted client are not found.
 */
import type { Database as RawDatabase } from 'better-sqlite3'
import type { Instant } from '../../ground/clock.ts'
import type { Rotated, Welcome } from '../engine.ts'
import type { GrantRecord } from '../records/grant.ts'
import { rotated, type Renewed, type RotationRule, type RotationVerdict } from '../records/rotation.ts'
import type { Person } from '../records/user.ts'
import { grantColumns, grantOfRow } from '../acts/grant-rows.ts'
import type { OpenDatabase } from './database.ts'
import { GrantRoom } from './grant-room.ts'

/** Reads a person in the transaction that is open. */
type FindPerson = (id: string) => Person | undefined

export interface Measured {
  findGrant(sid: string): GrantRecord | undefined
  rotate(sid: string, decide: RotationRule, findPerson: FindPerson): Rotated
  reserve(kid: string, until: Instant): boolean
  welcome(pair: { clientId: string; sub: string }): Welcome
  countOwned(owned: { owner: string; cause: string; now: Instant }): number
  beyond(pair: { clientKey: number; sub: string; limit: number }): string[]
  newestGrantAt(clientKey: number): Instant
  latestMark(): Instant
}

export function measuredSteps(database: OpenDatabase): Measured {
  const { raw } = database.connection
  const statements = { ...prepareRotation(raw), ...prepareLookUps(raw) }
  const room = new GrantRoom(database.changes)
  const findGrant = (sid: string): GrantRecord | undefined => {
    const row = statements.find.get(sid)
    return row && grantOfRow(row)
  }
  return {
    findGrant,
    rotate: (sid, decide, findPerson) => {
      const grant = findGrant(sid)
      if (!grant) return { outcome: 'unknown' }
      const now = database.now()
      const person = grant.signIn === null ? undefined : findPerson(grant.sub)
      const verdict = decide(grant, now, person)
      if (verdict.act === 'refuse') return { outcome: 'refused', verdict }
      if (verdict.act === 'end') return { outcome: 'ending', grant, verdict }
      return { ...renew(statements, grant, verdict, now), person }
    },
    reserve: (kid, until) => statements.reserve.run({ kid, until }).changes === 1,
    welcome: ({ clientId, sub }) => {
      const found = statements.welcome.get({ clientId, sub, now: database.now() })
      return { clientKey: found?.key ?? null, isRefused: found?.refused === 1, isTaken: found?.taken === 1 }
    },
    countOwned: ({ owner, cause, now }) => statements.owned.get({ owner, cause, now }) ?? 0,
    beyond: (pair) => {
      if (room.take(pair)) return []
      const { clientKey, sub, limit } = pair
      const sids = statements.beyond.all({ clientKey, sub, limit: limit - 1 })
      if (sids.length === 0) room.note(pair, limit - 1 - (statements.live.get({ clientKey, sub, limit }) ?? 0))
      return sids.toReversed()
    },
    newestGrantAt: (clientKey) => statements.newest.get({ clientKey }) ?? 0,
    latestMark: () => statements.latestMark.get() ?? 0,
  }
}

/** Writes `rotate` or `repeat`, on the condition that the grant is live and its generation the one decided on. */
function renew(
  statements: ReturnType<typeof prepareRotation>,
  grant: GrantRecord,
  verdict: Extract<RotationVerdict, { act: 'rotate' | 'repeat' }>,
  now: Instant,
): Omit<Renewed, 'person'> {
  const { sid, generation } = grant
  if (verdict.act === 'repeat') {
    const accessExpiresAt = Math.max(grant.accessExpiresAt, verdict.accessExpiresAt)
    requireRenewed(grant, statements.repeat.run(accessExpiresAt, sid, generation))
    return { outcome: 'repeated', at: now, grant: { ...grant, accessExpiresAt } }
  }
  const next = rotated(grant, verdict, now)
  const { accessExpiresAt, idleExpiresAt, masterKeyId, masterKeyFrom } = next
  const values = [now, idleExpiresAt, masterKeyId, masterKeyFrom, accessExpiresAt]
  requireRenewed(grant, statements.rotate.run(...values, sid, generation))
  return { outcome: 'rotated', at: now, grant: next }
}

function requireRenewed({ sid, endedAt }: GrantRecord, { changes }: { changes: number }): void {
  if (changes !== 1 || endedAt !== null) throw new Error(`grant ${sid} is over and was to be renewed`)
}

/** Each look-up is one statement that gives one value or row. */
function prepareLookUps(raw: RawDatabase) {
  const value = <T>(query: string) => raw.prepare<[Record<string, unknown>], T>(query).pluck()
  const standing = 'removed_at IS NULL AND (expires_at IS NULL OR expires_at > :now)'
  const refused = (kind: string, name: string) =>
    `EXISTS (SELECT 1 FROM blacklist_entries WHERE value = ${name} AND kind = '${kind}' AND refuses_new AND ${standing})`
  // The plus keeps values from the planner: see statements.ts.
  const livePair = 'FROM grants WHERE sub = +:sub AND client_key = +:clientKey AND ended_at IS NULL'
  return {
    welcome: raw.prepare<[Record<string, unknown>], { key: number | null; refused: number; taken: number }>(
      `SELECT (SELECT key FROM clients WHERE client_id = :clientId) AS key,
        ${refused('sub', ':sub')} OR ${refused('client_id', ':clientId')} AS refused,
        :sub <> :clientId AND EXISTS (SELECT 1 FROM clients WHERE client_id = :sub) AS taken`,
    ),
    owned: value<number>(
      `SELECT count(*) FROM blacklist_entries WHERE owner IS NOT NULL AND owner = :owner AND cause = :cause AND ${standing}`,
    ),
    beyond: value<string>(`SELECT sid ${livePair} ORDER BY sid DESC LIMIT 100 OFFSET +:limit`),
    live: value<number>(`SELECT count(*) FROM (SELECT 1 ${livePair} LIMIT +:limit)`),
    newest: value<number>('SELECT created_at FROM grants WHERE client_key = +:clientKey ORDER BY sid DESC LIMIT 1'),
    latestMark: raw
      .prepare<[], number | null>(
        "SELECT max(signed_until) FROM signing_keys WHERE status IN ('next', 'active', 'retiring')",
      )
      .pluck(),
    reserve: raw.prepare<[{ kid: string; until: Instant }]>(
      "UPDATE signing_keys SET signed_until = max(signed_until, :until) WHERE kid = :kid AND status IN ('active', 'retiring')",
    ),
  }
}

function prepareRotation(raw: RawDatabase) {
  // For a single row a join costs SQLite ten times as much as these two look-ups.
  const ofClient = (column: string) => `(SELECT ${column} FROM clients WHERE key = grants.client_key)`
  // The grant is as the rule has seen it. The plus keeps values from the planner: see statements.ts.
  const unchanged = 'WHERE sid = +? AND generation = +? AND ended_at IS NULL'
  return {
    find: raw.prepare<[string], unknown[]>(`SELECT ${grantColumns(ofClient)} FROM grants WHERE sid = +?`).raw(),
    rotate: raw.prepare(
      `UPDATE grants SET generation = generation + 1, rotated_at = ?, idle_expires_at = ?, master_key_id = ?,
        master_key_from = ?, access_expires_at = ? ${unchanged}`,
    ),
    repeat: raw.prepare(`UPDATE grants SET access_expires_at = ? ${unchanged}`),
  }
}
