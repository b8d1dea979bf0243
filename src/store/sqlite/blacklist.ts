/**
 * The blacklist. An entry's revision is that of the change which announces it, so that the feed's order is
 * the order of commits. Removed entries stay as tombstones until nobody can miss the news of their removal.
 */
import {
  CREATED_BY_DISABLING,
  type AuditEvent,
  type BlacklistEntry,
  type NewBlacklistEntry,
  type Store,
} from '../store.ts'
import { and, asc, eq, gt, isNull, or, sql } from './drizzle.ts'
import { placeholdersFor, type Database } from './database.ts'
import { blacklistEntries } from './schema.ts'

type BlacklistVerbs = Pick<
  Store,
  'addBlacklistEntry' | 'removeBlacklistEntry' | 'findBlacklistEntry' | 'listBlacklist' | 'listBlacklistSince'
>

/** Steps on the blacklist inside a write, for verbs of other nouns. */
export interface BlacklistTable {
  /** Adds an entry and nothing else: no grant ends by it. */
  append(entry: NewBlacklistEntry): BlacklistEntry
  /** Lifts the entries that disabling a client made. */
  liftDisabling(clientId: string): void
  /** Whether a standing entry refuses new tokens for this subject or client. */
  refuses(kind: 'sub' | 'client_id', value: string): boolean
  remove(id: string): boolean
  statements: ReturnType<typeof prepareStatements>
}

export function blacklistTable(database: Database): BlacklistTable {
  const statements = prepareStatements(database)
  const remove = (id: string): boolean => {
    if (!statements.findStanding.get({ id })) return false
    const revision = database.noteChange('blacklist', id)
    return statements.remove.run({ id, revision, now: database.now() }).changes === 1
  }
  return {
    statements,
    remove,
    append: (entry) => {
      const stored: BlacklistEntry = { ...entry, revision: database.noteChange('blacklist', entry.id), removedAt: null }
      statements.insert.run({ ...stored })
      return stored
    },
    liftDisabling: (clientId) => statements.ofDisabling.all({ clientId }).forEach(({ id }) => remove(id)),
    refuses: (kind, value) => statements.refusing.get({ kind, value, now: database.now() }) !== undefined,
  }
}

export interface BlacklistDependencies {
  appendAudit: (event: AuditEvent) => void
  /** Ends the grants that an entry names. */
  endNamedGrants: (entry: NewBlacklistEntry) => void
}

export function blacklistVerbs(
  database: Database,
  { append, remove, statements }: BlacklistTable,
  { appendAudit, endNamedGrants }: BlacklistDependencies,
): BlacklistVerbs {
  return {
    addBlacklistEntry: (entry, event) =>
      database.write(() => {
        const stored = append(entry)
        endNamedGrants(entry)
        appendAudit(event)
        return stored
      }),
    removeBlacklistEntry: (id, event) =>
      database.write(() => {
        if (!remove(id)) return 'unknown'
        appendAudit(event)
        return 'removed'
      }),
    findBlacklistEntry: (id) => database.read(() => statements.find.get({ id })),
    listBlacklist: ({ after = '', limit }) =>
      database.read(() => statements.list.all({ after, limit, now: database.now() })),
    listBlacklistSince: (revision) => database.read(() => statements.since.all({ revision })),
  }
}

function prepareStatements({ sql: database }: Database) {
  const table = blacklistEntries
  const one = eq(table.id, sql.placeholder('id'))
  const lasting = or(isNull(table.expiresAt), gt(table.expiresAt, sql.placeholder('now')))
  const standing = and(isNull(table.removedAt), lasting)
  const value = (name: string) => eq(table.value, sql.placeholder(name))
  return {
    insert: database.insert(table).values(placeholdersFor(table)).prepare(),
    find: database.select().from(table).where(one).prepare(),
    findStanding: database
      .select({ id: table.id })
      .from(table)
      .where(and(one, isNull(table.removedAt)))
      .prepare(),
    remove: database
      .update(table)
      .set({ removedAt: sql`${sql.placeholder('now')}`, revision: sql`${sql.placeholder('revision')}` })
      .where(one)
      .prepare(),
    list: database
      .select()
      .from(table)
      .where(and(gt(table.id, sql.placeholder('after')), standing))
      .orderBy(asc(table.id))
      .limit(sql.placeholder('limit'))
      .prepare(),
    since: database
      .select()
      .from(table)
      .where(gt(table.revision, sql.placeholder('revision')))
      .orderBy(asc(table.revision))
      .prepare(),
    ofDisabling: database
      .select({ id: table.id })
      .from(table)
      .where(
        and(
          value('clientId'),
          eq(table.kind, 'client_id'),
          eq(table.createdBy, CREATED_BY_DISABLING),
          isNull(table.removedAt),
        ),
      )
      .prepare(),
    refusing: database
      .select({ id: table.id })
      .from(table)
      .where(and(value('value'), eq(table.kind, sql.placeholder('kind')), eq(table.refusesNew, true), standing))
      .limit(1)
      .prepare(),
  }
}
