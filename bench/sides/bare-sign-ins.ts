/**
 * Sign-ins of the bare side, for a person who has a session: a row for the code, which one conditional update takes, and a
 * row for the grant. Nothing that keeps codes in a database and answers after the flush does less.
 */
import Database from 'better-sqlite3'
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { groupCommit } from './bare-families.ts'

export interface SignIns {
  /** @returns the secret of a session */
  begin(): string
  /** @returns a code for the person of the session; nothing where there is no such session */
  give(session: string, facts: object): Promise<string | undefined>
  /** @returns the id of the grant; nothing where the code is used or unknown */
  redeem(code: string, challenge: string): Promise<string | undefined>
}

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url')

export function openSignIns(file: string): SignIns {
  const database = new Database(file)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.exec('CREATE TABLE session (hash TEXT PRIMARY KEY, person TEXT NOT NULL)')
  database.exec(
    'CREATE TABLE code (id INTEGER PRIMARY KEY, hash TEXT NOT NULL, facts TEXT NOT NULL, uses INTEGER NOT NULL)',
  )
  database.exec('CREATE TABLE consented (id INTEGER PRIMARY KEY, sid TEXT NOT NULL, facts TEXT NOT NULL)')
  const addSession = database.prepare('INSERT INTO session VALUES (?, ?)')
  const personOf = database.prepare<[string], string>('SELECT person FROM session WHERE hash = ?').pluck()
  const addCode = database.prepare('INSERT INTO code (hash, facts, uses) VALUES (?, ?, 1)')
  const factsOf = database.prepare<[string, string], string>('SELECT facts FROM code WHERE id = ? AND hash = ?').pluck()
  const take = database.prepare('UPDATE code SET uses = 0 WHERE id = ? AND uses = 1')
  const addGrant = database.prepare('INSERT INTO consented (sid, facts) VALUES (?, ?)')
  const durably = groupCommit(database)
  return {
    begin() {
      const secret = randomBytes(32).toString('base64url')
      addSession.run(hashOf(secret), randomUUID())
      return secret
    },
    give: (session, facts) => {
      const secret = randomBytes(32).toString('base64url')
      return durably(() => {
        const person = personOf.get(hashOf(session))
        if (person === undefined) return undefined
        const { lastInsertRowid: id } = addCode.run(hashOf(secret), JSON.stringify({ ...facts, person }))
        return `${id}.${secret}`
      })
    },
    redeem: (code, challenge) => {
      const [id = '', secret = ''] = code.split('.')
      return durably(() => {
        const facts = factsOf.get(id, hashOf(secret))
        // The row was written by `give`, from the parameters of a request.
        const given = facts === undefined ? undefined : (JSON.parse(facts) as { code_challenge?: string })
        if (given?.code_challenge !== challenge || take.run(id).changes !== 1) return undefined
        const sid = randomUUID()
        addGrant.run(sid, facts)
        return sid
      })
    },
  }
}
