/** What the database itself holds to, and what stands before it is opened. */
import { edit, guardsIn, layered, type Guard } from '../guard.ts'

const grants = guardsIn('src/store/sqlite/grants.ts', 'store-contract')
const blacklist = guardsIn('src/store/sqlite/blacklist.ts', 'store-contract', 'blacklist')
const clients = guardsIn('src/store/sqlite/clients.ts', 'store-contract')
const sweep = guardsIn('src/store/sqlite/sweep.ts', 'store-contract')
const file = guardsIn('src/store/sqlite/database-file.ts', 'store-contract')
const connection = guardsIn('src/store/sqlite/connection.ts', 'store-contract')
const restore = guardsIn('src/store/sqlite/restore.ts', 'store-contract')
const config = guardsIn('src/config.ts', 'operation')

export const STORE_GUARDS: Guard[] = [
  grants('no grant for whom another process has refused', 'requireWelcome(grant, blacklist)\n', '\n'),
  grants('an ended family is not renewed', 'if (changes !== 1 || grant.endedAt !== null) throw', 'if (false) throw'),
  grants(
    'a grant that its client’s entry ended',
    'if (grant.endedAt !== null || grantsEndedUntil === null || grantsEndedUntil < grant.createdAt) return grant',
    'if (true) return grant',
  ),
  grants('ending a grant denies its access tokens', 'deny: deny(grant, now)', 'deny: null', 'revocation'),
  blacklist('an entry ends the grants that it names', 'endNamedGrants(entry)\n', '\n'),
  guardsIn('src/store/sqlite/jtis.ts', 'store-contract')(
    'a one-time id is taken once',
    'insert.run(row).changes === 1',
    'insert.run(row).changes < 2',
  ),
  clients(
    'the tokens of a deleted client are denied',
    'blacklist.liftDisabling(clientId)\n        blacklist.append(deny)',
    'blacklist.liftDisabling(clientId)',
    'client-authentication',
    'blacklist',
    'guards',
  ),
  clients('the tokens of a disabled client are denied downstream', 'if (client) blacklist.append(deny)', 'void deny'),
  clients('a client has no name of a person', "if (statements.subject.get({ clientId })) return 'subject'", ''),
  guardsIn('src/store/sqlite/resources.ts', 'store-contract', 'admin-api')(
    'a resource that was deleted is remembered',
    'statements.remember.run({ id, deletedAt: database.now() })',
    '',
  ),
  guardsIn('src/store/sqlite/subjects.ts', 'store-contract', 'admin-api')(
    'a client is no person',
    'ne(grants.sub, clients.clientId), ',
    '',
  ),
  sweep(
    'a one-time id is remembered until it ends',
    "sweep(usedJtis, lt(usedJtis.expiresAt, at('now')))",
    'sweep(usedJtis, sql`true`)',
  ),
  sweep(
    'an entry is kept until it ends',
    "sweep(blacklistEntries, lt(blacklistEntries.expiresAt, at('now')))",
    'sweep(blacklistEntries, sql`true`)',
  ),
  sweep(
    'a grant is kept until it ends',
    "and(lt(grants.expiresAt, at('now')), lt(grants.accessExpiresAt, at('now')))",
    'sql`true`',
  ),
  sweep(
    'a lifted entry outlives the change that tells of it',
    "at('missedEnd')), pointless",
    "at('newsEnd')), pointless",
  ),
  sweep(
    'the audit trail is kept',
    "sweep(auditEvents, lt(auditEvents.at, at('forgotten')))",
    'sweep(auditEvents, sql`true`)',
  ),
  guardsIn('src/housekeeping.ts', 'admin-api')(
    'the audit trail is kept for as long as is said',
    'config.auditRetentionSeconds * 1000',
    'config.auditRetentionSeconds',
  ),
  file('an empty file is no database', 'if (size === 0) throw', 'if (false) throw'),
  file('a database of another program', 'if (header.readUInt32BE(68) !== APPLICATION_ID)', 'if (false)'),
  layered(
    'a database whose end is missing',
    [
      edit(
        'src/store/sqlite/database-file.ts',
        'if (!hasJournal(file) && size < expectedSize(header)) throw',
        'if (false) throw',
      ),
      edit('src/store/sqlite/connection.ts', "if (finding !== 'ok') throw", 'if (false) throw'),
    ],
    'store-contract',
  ),
  file('a database that left its journal', 'if (isTaken(`${file}-wal`))', 'if (false)'),
  file('the database is for its owner alone', "openSync(temporary, 'wx', 0o600)", "openSync(temporary, 'wx', 0o644)"),
  connection('every commit reaches the disk', 'synchronous: 2', 'synchronous: 1'),
  connection('waiting freezes nobody', 'busy_timeout: 0', 'busy_timeout: 3000'),
  connection('a damaged database', "if (finding !== 'ok') throw", 'if (false) throw'),
  restore('a restore replaces nothing', 'if (!taken) return\n', 'return\n'),
  restore('a restore denies live tokens', 'if (!keepGrants) denyLiveTokens(now)', ''),
  restore('a restore ends every family', 'keepGrants ? 0 : end.run({ now }).changes', '0'),
  restore('a restore repeats no revision', 'skipRevisions(database)\n', '\n'),
  restore(
    'a database in use is no backup',
    'if ((statSync(`${source}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0)',
    'if (false)',
  ),
  config(
    'an issuer without TLS',
    "return url.protocol === 'https:' || isLoopback(url.hostname) ? value : undefined",
    'return value',
  ),
  config(
    'a key set cached for longer than keys are published',
    'if (config.jwksMaxAgeSeconds <= config.keyPrepublishSeconds) return []',
    'return []',
  ),
  config('a misspelt variable', "each.startsWith('SIGNET_') && !known.has(each)", 'false'),
  guardsIn(
    'src/first-client.ts',
    'operation',
    'cli/first-run',
    'guards',
  )('a first client on this machine alone', '!isLoopback(new URL(issuer).hostname) || ', ''),
  guardsIn('src/log.ts', 'secrets-stay-secret', 'guards')(
    'a secret in a reason stays out of the log',
    "typeof value === 'string' ? withoutSecrets(value) : value",
    'value',
  ),
]
