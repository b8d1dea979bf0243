/**
 * Steps that are written by hand, because they are hot or need more than equality. Refresh is the most frequent write:
 * one select, the rule, one conditional update.
 */
import type { Instant } from '../../ground/clock.ts'
import { toGrant, type GrantRow } from '../acts/grant-rows.ts'
import type { Rotated, Welcome } from '../engine.ts'
import { rotated, type GrantRecord, type RotationVerdict } from '../records/grant.ts'
import { decodeRow } from '../rows.ts'
import { blacklistEntries, clients, grants, revision, signingKeys } from '../tables.ts'
import type { Asker, Session, Values } from './pool.ts'
import { columnsOf, type Statements } from './statements.ts'
import { CLOCK_MS } from './time.ts'

/** A grant with the facts that its rotation is decided by, all of one moment. */
export interface Family {
  grant: GrantRecord
  revision: number
  /** The database's clock, in milliseconds. */
  clock: number
}

type Renewal = Extract<RotationVerdict, { act: 'rotate' | 'repeat' }>

export class Measured {
  readonly #texts: ReturnType<typeof textsOf>

  constructor(statements: Statements) {
    this.#texts = textsOf(statements)
  }

  /** @param isLocking keeps the grant as it is until the transaction ends */
  async findFamily(sid: string, by: Asker, isLocking = false): Promise<Family | undefined> {
    const [row] = await by.ask(isLocking ? this.#texts.familyLocked : this.#texts.family, [sid])
    const grant = row && grantOfRow(row)
    return row && grant && { grant, revision: Number(row.at(-2)), clock: Number(row.at(-1)) }
  }

  /**
   * Writes `rotate` or `repeat`, on the condition that the grant is live, its generation the one decided on, and the
   * revision the one at which it was decided.
   * @returns `undefined` where one of them has changed
   */
  async renew(
    { grant, revision: at }: Pick<Family, 'grant' | 'revision'>,
    verdict: Renewal,
    now: Instant,
    by: Asker,
  ): Promise<Rotated | undefined> {
    const { sid, generation } = grant
    if (grant.endedAt !== null) throw new Error(`grant ${sid} is over and was to be renewed`)
    if (verdict.act === 'repeat') {
      const [row] = await by.ask(this.#texts.repeat, [sid, generation, verdict.accessExpiresAt, at])
      return row && { outcome: 'repeated', at: now, grant: { ...grant, accessExpiresAt: Number(row[0]) } }
    }
    const next = rotated(grant, verdict, now)
    const { idleExpiresAt, masterKeyId, masterKeyFrom } = next
    const values = [sid, generation, verdict.accessExpiresAt, at, now, idleExpiresAt, masterKeyId, masterKeyFrom]
    const [row] = await by.ask(this.#texts.rotate, values)
    return row && { outcome: 'rotated', at: now, grant: { ...next, accessExpiresAt: Number(row[0]) } }
  }

  async reserve(kid: string, until: Instant, by: Session): Promise<boolean> {
    return (await by.write(this.#texts.reserve, [kid, until])) === 1
  }

  async welcome({ clientId, sub }: { clientId: string; sub: string }, now: Instant, by: Asker): Promise<Welcome> {
    const [row = []] = await by.ask(this.#texts.welcome, [clientId, sub, now])
    const [key, isRefused, isTaken] = row
    return { clientKey: key === null ? null : Number(key), isRefused: isRefused === true, isTaken: isTaken === true }
  }

  async countOwned({ owner, cause, now }: { owner: string; cause: string; now: Instant }, by: Asker): Promise<number> {
    return numberIn(await by.ask(this.#texts.owned, [owner, cause, now]))
  }

  async beyond(
    { clientKey, sub, limit }: { clientKey: number; sub: string; limit: number },
    by: Asker,
  ): Promise<string[]> {
    const rows = await by.ask(this.#texts.beyond, [clientKey, sub, limit - 1])
    return rows.map(([sid]) => String(sid)).toReversed()
  }

  async newestGrantAt(clientKey: number, by: Asker): Promise<Instant> {
    return numberIn(await by.ask(this.#texts.newest, [clientKey]))
  }

  async latestMark(by: Asker): Promise<Instant> {
    return numberIn(await by.ask(this.#texts.latestMark, []))
  }
}

const numberIn = (rows: Values[]): number => Number(rows[0]?.[0] ?? 0)

/** The columns of the grant come first, then two of its client. */
function grantOfRow(values: Values): GrantRecord | undefined {
  const row = decodeRow(grants, values, undefined)
  const [clientId, grantsEndedUntil] = values.slice(Object.keys(grants.columns).length)
  // The columns are those of the table and of the join.
  return toGrant({ ...row, clientId, grantsEndedUntil } as GrantRow)
}

function textsOf(statements: Statements) {
  const named = {
    grants: statements.name(grants),
    clients: statements.name(clients),
    entries: statements.name(blacklistEntries),
    keys: statements.name(signingKeys),
  }
  const newest = `(SELECT value FROM ${statements.name(revision)} WHERE id = 1)`
  const family = `SELECT ${columnsOf(grants, 'g.')}, c.client_id, c.grants_ended_until, ${newest}, ${CLOCK_MS}
    FROM ${named.grants} g LEFT JOIN ${named.clients} c ON c.key = g.client_key WHERE g.sid = $1`
  const latest = 'access_expires_at = greatest(access_expires_at, $3)'
  const unchanged = `WHERE sid = $1 AND generation = $2 AND ended_at IS NULL AND ${newest} = $4 RETURNING access_expires_at`
  return {
    family,
    familyLocked: `${family} FOR UPDATE OF g`,
    rotate: `UPDATE ${named.grants} SET generation = generation + 1, rotated_at = $5, idle_expires_at = $6,
      master_key_id = $7, master_key_from = $8, ${latest} ${unchanged}`,
    repeat: `UPDATE ${named.grants} SET ${latest} ${unchanged}`,
    ...lookUpsOf(named),
    reserve: `UPDATE ${named.keys} SET signed_until = greatest(signed_until, $2) WHERE kid = $1 AND status IN ('active', 'retiring')`,
  }
}

function lookUpsOf(named: { grants: string; clients: string; entries: string; keys: string }) {
  const standing = 'removed_at IS NULL AND (expires_at IS NULL OR expires_at > $3)'
  const refused = (kind: string, name: string) =>
    `EXISTS (SELECT 1 FROM ${named.entries} WHERE value = ${name} AND kind = '${kind}' AND refuses_new AND ${standing})`
  return {
    welcome: `SELECT (SELECT key FROM ${named.clients} WHERE client_id = $1),
      ${refused('sub', '$2')} OR ${refused('client_id', '$1')},
      $2 <> $1 AND EXISTS (SELECT 1 FROM ${named.clients} WHERE client_id = $2)`,
    owned: `SELECT count(*) FROM ${named.entries} WHERE owner = $1 AND cause = $2 AND ${standing}`,
    beyond: `SELECT sid FROM ${named.grants} WHERE client_key = $1 AND sub = $2 AND ended_at IS NULL ORDER BY sid DESC LIMIT 100 OFFSET $3`,
    newest: `SELECT created_at FROM ${named.grants} WHERE client_key = $1 ORDER BY sid DESC LIMIT 1`,
    latestMark: `SELECT max(signed_until) FROM ${named.keys} WHERE status IN ('next', 'active', 'retiring')`,
  }
}
