/**
 * The migrations of a database, as `npm run migrations` has written them: `meta/_journal.json` lists them in their order,
 * and each is a file of SQL. Databases keep the hash and the time of the migrations that they have.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Right from `src/store` and from `dist/store`. */
const FOLDER = new URL('../../migrations/', import.meta.url)

/** Between the statements of a file. */
const BREAKPOINT = '--> statement-breakpoint'

export interface Migration {
  statements: string[]
  /** The SHA-256 of the file, in hex. */
  hash: string
  /** Milliseconds. */
  madeAt: number
}

export interface Migrations {
  /** When the newest was made, in milliseconds. */
  newest: number
  /** Reads those that were made later than `time`, in their order. */
  after(time: number): Migration[]
}

interface Entry {
  tag: string
  when: number
}

/** Reads the list only: nearly always a database has all migrations. */
export function listMigrations(kind: 'sqlite' | 'postgres'): Migrations {
  const folder = new URL(`${kind}/`, FOLDER)
  // The generator has written the list.
  const { entries } = JSON.parse(read(folder, 'meta/_journal.json')) as { entries: Entry[] }
  return {
    newest: entries.at(-1)?.when ?? 0,
    after: (time) => entries.filter(({ when }) => when > time).map((entry) => readMigration(folder, entry)),
  }
}

function readMigration(folder: URL, { tag, when }: Entry): Migration {
  const text = read(folder, `${tag}.sql`)
  const hash = createHash('sha256').update(text).digest('hex')
  return { statements: text.split(BREAKPOINT), hash, madeAt: when }
}

const read = (folder: URL, name: string): string => readFileSync(new URL(name, folder), 'utf8')
