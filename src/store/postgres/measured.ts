/** Steps that are written by hand, because they need more than equality. Those of a refresh are in families.ts. */
import type { Instant } from '../../ground/clock.ts'
import type { Welcome } from '../engine.ts'
import { blacklistEntries } from '../tables/blacklist.ts'
import { clients } from '../tables/clients.ts'
import { grants } from '../tables/grants.ts'
import { signingKeys } from '../tables/keys.ts'
import type { Asker, Session, Values } from './pool.ts'
import type { Statements } from '../statements.ts'

export class Measured {
  readonly #texts: ReturnType<typeof textsOf>

  constructor(statements: Statements) {
    this.#texts = textsOf(statements)
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

function textsOf(statements: Statements) {
  const named = {
    grants: statements.name(grants),
    clients: statements.name(clients),
    entries: statements.name(blacklistEntries),
    keys: statements.name(signingKeys),
  }
  return {
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
