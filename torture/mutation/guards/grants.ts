/** What may be issued to whom: scope, target, the gate, persons; and what dies when something is revoked. */
import { edit, guardsIn, layered, type Guard } from '../guard.ts'

const gate = guardsIn('src/grants/may-issue.ts', 'blacklist')
const scope = guardsIn('src/grants/scope.ts', 'token-endpoint')
const target = guardsIn('src/grants/target.ts', 'token-endpoint')
const revocation = guardsIn('src/grants/revocation.ts', 'blacklist')
const person = guardsIn('src/grant-types/subject.ts', 'subject-grant')
const entry = guardsIn('src/blacklist/entry.ts', 'blacklist')
const match = guardsIn('src/blacklist/match.ts', 'blacklist')
const feed = guardsIn('src/blacklist/feed.ts', 'blacklist')
const denial = guardsIn('src/blacklist/denial-schema.ts', 'blacklist')

export const GRANT_GUARDS: Guard[] = [
  gate(
    'a client on the blacklist',
    "if (blacklist.findRefusing('client_id', client.clientId)) throw",
    'if (false) throw',
  ),
  gate('a person on the blacklist', "if (blacklist.findRefusing('sub', sub)) throw", 'if (false) throw'),
  scope('a scope that the client lacks', 'if (!client.scope.includes(value))', 'if (false)'),
  scope('a scope that the resource lacks', 'if (unaware)', 'if (false)'),
  scope('offline_access without the grant for it', 'if (mayRefresh(client, sub)) return', 'return'),
  scope('offline_access unasked', 'value !== OFFLINE_ACCESS && ', ''),
  scope('a refresh raises no scope', 'if (wider !== undefined)', 'if (false)', 'refresh-rotation'),
  scope(
    'a scope of the grant that was taken away',
    'for (const value of scope) requireAllowed(value, bounds)',
    '',
    'refresh-rotation',
  ),
  scope('a hundred scope values', 'if (values.length > 100) throw', 'if (false) throw', 'guards'),
  target('a resource that the client lacks', 'if (!registered.includes(id))', 'if (false)'),
  target('many resources in one request', 'if (ids.length > MOST_IN_A_REQUEST) throw', 'if (false) throw', 'guards'),
  target('one token has one algorithm and type', 'alg !== first?.alg || typ !== first.typ || ownKeys', 'ownKeys'),
  target('own keys sign for one resource', ' || ownKeys)', ')', 'own-keys'),
  gate(
    'a refresh by a client that may not refresh any more',
    'if (grant) requireMayRefresh(client, sub)',
    'if (grant) void 0',
    'subject-grant',
  ),
  revocation('a revoked key stays revoked', "if (entry?.kind === 'kid') throw", 'if (false) throw', 'guards'),
  revocation(
    'a disabled client is not half enabled',
    'if (entry?.createdBy === CREATED_BY_DISABLING)',
    'if (false)',
    'guards',
  ),
  revocation(
    'a family that an entry ended is denied when it is revoked',
    "if (outcome === 'already' && !isDenied) await",
    'if (false) await',
    'blacklist',
    'revocation',
    'properties/refresh-family',
  ),
  person('a person is no client', 'if (rooms.clients.find(sub))', 'if (false)'),
  person('claims that the client may say', 'if (!client.allowedClaims.includes(name))', 'if (false)'),
  person(
    'control characters in a subject',
    'sub.length > MOST_SUBJECT_CHARACTERS || /[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\uFFFD]/u.test(sub)',
    'sub.length > MOST_SUBJECT_CHARACTERS',
  ),
  entry('an entry for a client or person refuses new tokens', 'refusesNew: true', 'refusesNew: false'),
  layered(
    'a lifted entry denies nothing',
    [
      edit('src/blacklist/entry.ts', 'entry.removedAt === null && ', ''),
      edit('src/blacklist/match.ts', 'if (entry.removedAt === null) this.#index(entry)', 'this.#index(entry)'),
    ],
    'blacklist',
  ),
  entry('an entry ends', '(entry.expiresAt === null || entry.expiresAt > now)', 'true'),
  entry(
    'an entry lasts as long as honest clocks differ',
    'const deniesUntil = until + fromSeconds(CLOCK_SKEW_SECONDS)',
    'const deniesUntil = until',
  ),
  match('a token from after the entry', 'token.iat <= toSeconds(entry.issuedBefore)', 'true'),
  feed(
    'the feed names nobody',
    "hash: createHash('sha256').update(`${kind}:${value}`).digest('base64url')",
    'hash: `${kind}:${value}`',
  ),
  feed(
    'the feed forgets what is over',
    'deniesUntil > now && (isLifted || !lifted.has(id))',
    '(isLifted || !lifted.has(id))',
  ),
  feed('the feed tells what was lifted', '"removed":[${listed(true)}]', '"removed":[]'),
  feed(
    'a cursor of a lost database starts over',
    'if (after > this.#blacklist.revision) return 0',
    '',
    'blacklist',
    'guards',
  ),
  denial('a token in the place of a name', '.refine((value) => !looksSecret(value), {', '.refine(() => true, {'),
]
