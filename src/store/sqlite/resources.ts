/** Resources: what access tokens are for. */
import type { AuditEvent, ResourceRecord, Store } from '../store.ts'
import { asc, eq, getTableColumns, sql } from './drizzle.ts'
import { assignmentsFor, placeholdersFor, type Database } from './database.ts'
import { deletedResources, resources } from './schema.ts'

type ResourceVerbs = Pick<
  Store,
  'listResources' | 'findResource' | 'createResource' | 'updateResource' | 'deleteResource'
>

export interface ResourceDependencies {
  appendAudit: (event: AuditEvent) => void
  endRing: (ring: string) => void
}

export function resourceVerbs(database: Database, { appendAudit, endRing }: ResourceDependencies): ResourceVerbs {
  const statements = prepareStatements(database)
  const note = (id: string, event: AuditEvent): void => {
    appendAudit(event)
    database.noteChange('resource', id)
  }
  return {
    listResources: () => database.read(() => statements.list.all()),
    findResource: (id) => database.read(() => statements.find.get({ id })),
    createResource: (resource, event) =>
      database.write(() => {
        if (statements.insert.run({ ...resource }).changes === 0) return 'exists'
        note(resource.id, event)
        return 'created'
      }),
    updateResource: (id, change, event) =>
      database.write(() => {
        const current = statements.find.get({ id })
        if (!current) return undefined
        const next: ResourceRecord = { ...change(current), id }
        statements.update.run({ ...next })
        note(id, event)
        return next
      }),
    deleteResource: (id, event) =>
      database.write(() => {
        if (statements.delete.run({ id }).changes === 0) return 'unknown'
        endRing(id)
        statements.remember.run({ id, deletedAt: database.now() })
        note(id, event)
        return 'deleted'
      }),
  }
}

function prepareStatements({ sql: database }: Database) {
  const one = eq(resources.id, sql.placeholder('id'))
  const changeable = ['alg', 'ttl', 'scope', 'typ', 'claims', 'ownKeys', 'disabledAt', 'updatedAt'] as const
  const record = { ...getTableColumns(resources), predecessorEndedAt: deletedResources.deletedAt }
  const select = () =>
    database.select(record).from(resources).leftJoin(deletedResources, eq(deletedResources.id, resources.id))
  return {
    list: select().orderBy(asc(resources.id)).prepare(),
    find: select().where(one).prepare(),
    insert: database.insert(resources).values(placeholdersFor(resources)).onConflictDoNothing().prepare(),
    update: database.update(resources).set(assignmentsFor(resources, changeable)).where(one).prepare(),
    delete: database.delete(resources).where(one).prepare(),
    remember: database
      .insert(deletedResources)
      .values(placeholdersFor(deletedResources))
      .onConflictDoUpdate({ target: deletedResources.id, set: { deletedAt: sql`excluded.deleted_at` } })
      .prepare(),
  }
}
