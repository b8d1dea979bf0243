/** Refresh token families of the bare side: a row each, a conditional update for a rotation, group commit, FULL. */
import Database from 'better-sqlite3'

/** As long as a UUID, so that the claims have as many bytes as the claims of an issuer. */
export const SID_LENGTH = 36

export interface Families {
  create(): string | Promise<string>
  rotate(token: string): Promise<{ id: string; successor: string } | undefined>
}

export function openFamilies(file: string): Families {
  const database = new Database(file)
  database.pragma('journal_mode = WAL')
  database.pragma('synchronous = FULL')
  database.exec('CREATE TABLE family (id INTEGER PRIMARY KEY, generation INTEGER NOT NULL)')
  const insert = database.prepare('INSERT INTO family (generation) VALUES (0)')
  const advance = database.prepare('UPDATE family SET generation = generation + 1 WHERE id = ? AND generation = ?')
  const durably = groupCommit(database)
  return {
    create: () => `${insert.run().lastInsertRowid}.0`,
    rotate: async (token) => {
      const [id = 0, generation = 0] = token.split('.').map(Number)
      const isRotated = await durably(() => advance.run(id, generation).changes === 1)
      return isRotated ? { id: String(id).padStart(SID_LENGTH, '0'), successor: `${id}.${generation + 1}` } : undefined
    },
  }
}

/** Writes of the same turn share a transaction. */
export function groupCommit(database: Database.Database): <Result>(work: () => Result) => Promise<Result> {
  const begin = database.prepare('BEGIN IMMEDIATE')
  const commit = database.prepare('COMMIT')
  const waiting: (() => () => void)[] = []
  const commitAll = () => {
    const batch = waiting.splice(0)
    begin.run()
    const answers = batch.map((work) => work())
    commit.run()
    answers.forEach((answer) => answer())
  }
  return (work) =>
    new Promise((resolve) => {
      const run = () => {
        const result = work()
        return () => resolve(result)
      }
      if (waiting.push(run) === 1) setImmediate(commitAll)
    })
}
