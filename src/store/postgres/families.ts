/**
 * The two statements of a refresh, the most frequent write. Each is for many families at once, so that refreshes which come
 * together share their round trips and their commit.
 */
import type { Instant } from '../../ground/clock.ts'
import { grantColumns, grantOfRow } from '../acts/grant-rows.ts'
import type { GrantRecord } from '../records/grant.ts'
import { rotated, type RotationVerdict } from '../records/rotation.ts'
import { clients } from '../tables/clients.ts'
import { grants } from '../tables/grants.ts'
import { revision } from '../tables/service.ts'
import type { Asker, Values } from './pool.ts'
import type { Statements } from '../statements.ts'
import { CLOCK_MS } from './time.ts'

/** Families and the facts that their rotation is decided by, all of one moment. */
export interface Found {
  /** By `sid`. A grant is made from its row when it is asked for, because a row that cannot be read concerns nobody else. */
  rows: Map<string, Values>
  revision: number
  /** The database's clock, in milliseconds. */
  clock: number
}

/** The values that are written to a family, and the grant as it was when that was decided. */
export interface Renewal {
  before: GrantRecord
  after: GrantRecord
}

export class Families {
  readonly #texts: ReturnType<typeof textsOf>

  constructor(statements: Statements) {
    this.#texts = textsOf(statements)
  }

  /**
   * @param isLocking keeps the grants as they are until the transaction ends
   * @returns `undefined` where there is none of them
   */
  async find(sids: string[], by: Asker, isLocking = false): Promise<Found | undefined> {
    const rows = await by.ask(isLocking ? this.#texts.findLocked : this.#texts.find, [sids])
    const [first] = rows
    if (!first) return undefined
    const bySid = new Map(rows.map((row) => [String(row[SID]), row]))
    return { rows: bySid, revision: Number(first.at(-2)), clock: Number(first.at(-1)) }
  }

  async findGrant(sid: string, by: Asker): Promise<GrantRecord | undefined> {
    const row = (await this.find([sid], by))?.rows.get(sid)
    return row && grantOfRow(row)
  }

  /**
   * Writes families, each on the condition that its grant is live, that its generation is the one decided on, and that the
   * revision is the one at which it was decided. It waits for no lock: a family that another transaction has locked counts
   * as changed. Otherwise the others would wait, too, and be written at a revision that has passed meanwhile.
   * @returns the families that were written, as they are then
   */
  async renew(renewals: Renewal[], at: number, by: Asker): Promise<Map<string, GrantRecord>> {
    const columns = RENEWED.map(({ value }) => renewals.map(value))
    const rows = await by.ask(this.#texts.renew, [...columns, at])
    const mayLiveUntil = new Map(rows.map(([sid, accessExpiresAt]) => [String(sid), Number(accessExpiresAt)]))
    return new Map(
      renewals.flatMap(({ after }) => {
        const accessExpiresAt = mayLiveUntil.get(after.sid)
        return accessExpiresAt === undefined ? [] : [[after.sid, { ...after, accessExpiresAt }]]
      }),
    )
  }
}

/** The renewal that a verdict asks for. @throws Error where the grant is over */
export function renewalOf(
  before: GrantRecord,
  verdict: Extract<RotationVerdict, { act: 'rotate' | 'repeat' }>,
  now: Instant,
): Renewal {
  if (before.endedAt !== null) throw new Error(`grant ${before.sid} is over and was to be renewed`)
  if (verdict.act === 'rotate') return { before, after: rotated(before, verdict, now) }
  const accessExpiresAt = Math.max(before.accessExpiresAt, verdict.accessExpiresAt)
  return { before, after: { ...before, accessExpiresAt } }
}

const SID = Object.keys(grants.columns).indexOf('sid')

/** The columns of a list of renewals. All but the first two are written; without a new generation they are as before. */
const RENEWED: { name: string; type: string; value: (renewal: Renewal) => unknown }[] = [
  { name: 'sid', type: 'text', value: ({ before }) => before.sid },
  { name: 'read_generation', type: 'bigint', value: ({ before }) => before.generation },
  { name: 'generation', type: 'bigint', value: ({ after }) => after.generation },
  { name: 'rotated_at', type: 'bigint', value: ({ after }) => after.rotatedAt },
  { name: 'idle_expires_at', type: 'bigint', value: ({ after }) => after.idleExpiresAt },
  { name: 'master_key_id', type: 'text', value: ({ after }) => after.masterKeyId },
  { name: 'master_key_from', type: 'bigint', value: ({ after }) => after.masterKeyFrom },
  { name: 'access_expires_at', type: 'bigint', value: ({ after }) => after.accessExpiresAt },
]

/** Each family is looked up by itself, with a limit, so that the plan is by the index however small the table was once. */
function textsOf(statements: Statements) {
  const families = statements.name(grants)
  const newest = `(SELECT value FROM ${statements.name(revision)} WHERE id = 1)`
  const one = `SELECT * FROM ${families} WHERE sid = asked.sid LIMIT 1`
  const find = (lock: string) => `SELECT ${grantColumns((column) => `c.${column}`, 'g.')}, ${newest}, ${CLOCK_MS}
    FROM unnest($1::text[]) AS asked (sid) CROSS JOIN LATERAL (${one}${lock}) g
    LEFT JOIN ${statements.name(clients)} c ON c.key = g.client_key`
  const lists = RENEWED.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ')
  const names = RENEWED.map(({ name }) => name).join(', ')
  const plain = RENEWED.slice(2, -1).map(({ name }) => `${name} = new.${name}`)
  return {
    find: find(''),
    findLocked: find(' FOR UPDATE'),
    renew: `UPDATE ${families} g
      SET ${plain.join(', ')}, access_expires_at = greatest(g.access_expires_at, new.access_expires_at)
      FROM (SELECT asked.* FROM unnest(${lists}) AS asked (${names})
        CROSS JOIN LATERAL (${one} FOR NO KEY UPDATE SKIP LOCKED) free) new
      WHERE g.sid = new.sid AND g.generation = new.read_generation AND g.ended_at IS NULL
        AND ${newest} = $${RENEWED.length + 1}
      RETURNING g.sid, g.access_expires_at`,
  }
}
