/** Keeps the records of oidc-provider in SQLite: one table for all models and one commit for each write, as its adapters do. */
import Database from 'better-sqlite3'
import type { Adapter, Payload } from 'oidc-provider'

const TABLE = `
  CREATE TABLE payloads (
    model TEXT NOT NULL, id TEXT NOT NULL, payload TEXT NOT NULL,
    grant_id TEXT, uid TEXT, user_code TEXT, expires_at INTEGER, consumed_at INTEGER,
    PRIMARY KEY (model, id)
  ) WITHOUT ROWID;
  CREATE INDEX payloads_grant ON payloads (grant_id) WHERE grant_id IS NOT NULL;
  CREATE INDEX payloads_uid ON payloads (uid) WHERE uid IS NOT NULL;
  CREATE INDEX payloads_user_code ON payloads (user_code) WHERE user_code IS NOT NULL;`

const nowSeconds = (): number => Math.floor(Date.now() / 1000)

export function sqliteAdapters(file: string): (model: string) => Adapter {
  const database = new Database(file)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.exec(TABLE)
  const upsert = database.prepare(
    `INSERT INTO payloads (model, id, payload, grant_id, uid, user_code, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at`,
  )
  const findBy = (column: string) =>
    database.prepare<[string, string], Row>(
      `SELECT payload, consumed_at FROM payloads WHERE model = ? AND ${column} = ?`,
    )
  const [byId, byUid, byUserCode] = [findBy('id'), findBy('uid'), findBy('user_code')]
  const consume = database.prepare('UPDATE payloads SET consumed_at = ? WHERE model = ? AND id = ?')
  const destroy = database.prepare('DELETE FROM payloads WHERE model = ? AND id = ?')
  const revoke = database.prepare('DELETE FROM payloads WHERE grant_id = ?')
  return (model) => ({
    upsert: async (id, payload, expiresIn) => {
      const { grantId = null, uid = null, userCode = null } = payload
      const expiresAt = expiresIn === undefined ? null : nowSeconds() + expiresIn
      upsert.run(model, id, JSON.stringify(payload), grantId, uid, userCode, expiresAt)
    },
    find: async (id) => toPayload(byId.get(model, id)),
    findByUid: async (uid) => toPayload(byUid.get(model, uid)),
    findByUserCode: async (userCode) => toPayload(byUserCode.get(model, userCode)),
    consume: async (id) => void consume.run(nowSeconds(), model, id),
    destroy: async (id) => void destroy.run(model, id),
    revokeByGrantId: async (grantId) => void revoke.run(grantId),
  })
}

interface Row {
  payload: string
  consumed_at: number | null
}

function toPayload(row: Row | undefined): Payload | undefined {
  if (!row) return undefined
  // `upsert` wrote a payload as JSON.
  const payload = JSON.parse(row.payload) as Payload
  return row.consumed_at === null ? payload : { ...payload, consumed: row.consumed_at }
}
