/** Clients with their secrets. Deleting one is one row: its grants are dead with it and swept later. */
import type { AuditEvent, ClientRecord, ClientSecret, NewBlacklistEntry, Store } from '../store.ts'
import { asc, eq, getTableColumns, sql } from './drizzle.ts'
import type { BlacklistTable } from './blacklist.ts'
import { assignmentsFor, placeholdersFor, type Database } from './database.ts'
import { clients, clientSecrets, deletedClients, grants } from './schema.ts'

type ClientVerbs = Pick<
  Store,
  | 'listClients'
  | 'findClient'
  | 'createClient'
  | 'updateClient'
  | 'disableClient'
  | 'enableClient'
  | 'deleteClient'
  | 'noteSecretUse'
>

type ClientStatements = ReturnType<typeof prepareStatements>
type ClientRow = { key: number; client: Omit<ClientRecord, 'secrets'> }
type SecretRow = { clientKey: number; secret: ClientSecret }

export interface ClientDependencies {
  appendAudit: (event: AuditEvent) => void
  blacklist: BlacklistTable
}

export function clientVerbs(database: Database, dependencies: ClientDependencies): ClientVerbs {
  const statements = prepareStatements(database)
  const find = (clientId: string): ClientRecord | undefined => {
    const row = statements.find.get({ clientId })
    return row && toClient(row, statements.secretsOf.all({ clientKey: row.key }))
  }
  return {
    listClients: () => database.readTogether(() => listAll(statements)),
    findClient: (clientId) => database.readTogether(() => find(clientId)),
    noteSecretUse: (uses) =>
      database.write(() => uses.forEach(({ secretId, at }) => void statements.noteUse.run({ secretId, at }))),
    ...makingVerbs(database, statements, dependencies),
    ...changingVerbs(database, statements, find, dependencies),
  }
}

function makingVerbs(
  database: Database,
  statements: ClientStatements,
  { appendAudit, blacklist }: ClientDependencies,
): Pick<ClientVerbs, 'createClient' | 'deleteClient'> {
  return {
    createClient: (client, event) =>
      database.write(() => {
        const { clientId } = client
        if (statements.find.get({ clientId })) return 'exists'
        if (statements.subject.get({ clientId })) return 'subject'
        const key = Number(statements.insert.run({ ...client, key: null }).lastInsertRowid)
        insertSecrets(statements, key, client.secrets)
        appendAudit(event)
        database.noteChange('client', clientId)
        return 'created'
      }),
    deleteClient: (clientId, deny, event) =>
      database.write(() => {
        const row = statements.find.get({ clientId })
        if (!row) return 'unknown'
        statements.delete.run({ key: row.key })
        statements.leaveGrants.run({ clientKey: row.key })
        // Else one registered anew under its id would be refused, and nothing could lift that.
        blacklist.liftDisabling(clientId)
        blacklist.append(deny)
        appendAudit(event)
        database.noteChange('client', clientId)
        return 'deleted'
      }),
  }
}

function changingVerbs(
  database: Database,
  statements: ClientStatements,
  find: (clientId: string) => ClientRecord | undefined,
  { appendAudit, blacklist }: ClientDependencies,
): Pick<ClientVerbs, 'updateClient' | 'disableClient' | 'enableClient'> {
  const change = (clientId: string, make: (current: ClientRecord) => ClientRecord, event: AuditEvent) => {
    const row = statements.find.get({ clientId })
    const current = find(clientId)
    if (!row || !current) return undefined
    const next: ClientRecord = { ...make(current), clientId }
    statements.update.run({ ...next })
    statements.deleteSecrets.run({ clientKey: row.key })
    insertSecrets(statements, row.key, next.secrets)
    appendAudit(event)
    database.noteChange('client', clientId)
    return next
  }
  const disable = (clientId: string, deny: NewBlacklistEntry, event: AuditEvent) => {
    const now = database.now()
    const client = change(
      clientId,
      (current) => ({ ...current, disabledAt: current.disabledAt ?? now, updatedAt: now }),
      event,
    )
    if (client) blacklist.append(deny)
    return client
  }
  const enable = (clientId: string, event: AuditEvent) => {
    const client = change(clientId, (current) => ({ ...current, disabledAt: null, updatedAt: database.now() }), event)
    if (client) blacklist.liftDisabling(clientId)
    return client
  }
  return {
    updateClient: (clientId, make, event) => database.write(() => change(clientId, make, event)),
    disableClient: (clientId, deny, event) => database.write(() => disable(clientId, deny, event)),
    enableClient: (clientId, event) => database.write(() => enable(clientId, event)),
  }
}

function insertSecrets(statements: ClientStatements, clientKey: number, secrets: ClientSecret[]): void {
  for (const secret of secrets) statements.insertSecret.run({ ...secret, clientKey })
}

function listAll(statements: ClientStatements): ClientRecord[] {
  const secrets = Map.groupBy(statements.secrets.all(), ({ clientKey }) => clientKey)
  return statements.list.all().map((row) => toClient(row, secrets.get(row.key) ?? []))
}

const toClient = ({ client }: ClientRow, secrets: SecretRow[]): ClientRecord => ({
  ...client,
  secrets: secrets.map(({ secret }) => secret),
})

function prepareStatements({ sql: database }: Database) {
  const one = eq(clients.clientId, sql.placeholder('clientId'))
  // Secrets are kept in the order in which the client lists them.
  const inOrder = sql`${clientSecrets}.rowid`
  const { key, ...client } = getTableColumns(clients)
  const { clientKey, ...secret } = getTableColumns(clientSecrets)
  const selectClient = () => database.select({ key, client }).from(clients)
  const selectSecret = () => database.select({ clientKey, secret }).from(clientSecrets).orderBy(inOrder)
  const ofClient = eq(clientKey, sql.placeholder('clientKey'))
  // The object is the table's columns without its key, so it has exactly these keys.
  const columns = Object.keys(client) as (keyof typeof client)[]
  const lastUsedAt = sql`max(coalesce(${clientSecrets.lastUsedAt}, 0), ${sql.placeholder('at')})`
  return {
    list: selectClient().orderBy(asc(clients.clientId)).prepare(),
    find: selectClient().where(one).prepare(),
    secrets: selectSecret().prepare(),
    secretsOf: selectSecret().where(ofClient).prepare(),
    subject: database
      .select({ sid: grants.sid })
      .from(grants)
      // Grants of a deleted client are dead, and wait for the sweep alone.
      .innerJoin(clients, eq(clients.key, grants.clientKey))
      .where(eq(grants.sub, sql.placeholder('clientId')))
      .limit(1)
      .prepare(),
    insert: database.insert(clients).values(placeholdersFor(clients)).prepare(),
    update: database.update(clients).set(assignmentsFor(clients, columns)).where(one).prepare(),
    delete: database
      .delete(clients)
      .where(eq(key, sql.placeholder('key')))
      .prepare(),
    leaveGrants: database.insert(deletedClients).values(placeholdersFor(deletedClients)).prepare(),
    insertSecret: database.insert(clientSecrets).values(placeholdersFor(clientSecrets)).prepare(),
    deleteSecrets: database.delete(clientSecrets).where(ofClient).prepare(),
    noteUse: database
      .update(clientSecrets)
      .set({ lastUsedAt })
      .where(eq(clientSecrets.id, sql.placeholder('secretId')))
      .prepare(),
  }
}
