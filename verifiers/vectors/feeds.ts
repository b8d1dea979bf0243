/** Pages of an issuer's feed, and the verdicts of tokens after them. */
import type { Answer, Verdict } from './key-sets.ts'
import { hashOf, nested, NOW, token } from './signing.ts'
import type { Keys } from './tokens.ts'

export interface Page extends Answer {
  /** The cursor that the request asks for (`?after=`); `null` for the whole list. */
  after: string | null
}

export interface Step {
  /** The time of day, in seconds. */
  now: number
  /** Seconds that have passed since the first step, by a clock that nobody sets. */
  elapsed: number
  /** All that the feed answers from now on. Any other `after` gets 404. */
  pages: Page[]
  verdicts: FeedVerdict[]
}

export interface FeedVerdict extends Verdict {
  /** For this token only, in place of the case's option. */
  when_stale?: 'open' | 'closed'
}

export interface FeedCase {
  name: string
  revocations: { max_staleness_seconds: number; when_stale?: 'open' | 'closed' }
  steps: Step[]
}

type Entry = Record<string, unknown>

const LIVES_UNTIL = NOW + 100_000

const entry = (kind: string, value: string, changes: Entry = {}): Entry => ({
  id: `${kind}-${value}`,
  kind,
  hash: hashOf(kind, value),
  issued_before: NOW,
  expires_at: LIVES_UNTIL,
  ...changes,
})

const text = (after: string | null, body: string, { status = 200, headers = {} } = {}): Page => ({
  after,
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body,
})

/** @param rest other members, such as `removed` and `more` */
const page = (after: string | null, cursor: string, entries: unknown[] = [], rest: Entry = {}): Page =>
  text(after, JSON.stringify({ cursor, entries, removed: [], ...rest }))

const MORE = { more: true }
const broken = (after: string | null): Page => text(after, '{}', { status: 503 })

/** A step each ten seconds. */
const step = (count: number, pages: Page[], verdicts: FeedVerdict[], changes: Partial<Step> = {}): Step => ({
  now: NOW + 10 * count,
  elapsed: 10 * count,
  pages,
  verdicts,
  ...changes,
})

/** With 0 seconds of staleness, each token asks the feed itself. */
const ASKS = { max_staleness_seconds: 0 }

const story = (name: string, ...steps: Step[]): FeedCase => ({ name, revocations: ASKS, steps })

function kit({ es }: Keys) {
  const alive = { exp: LIVES_UNTIL }
  return {
    a: token(es, { ...alive, jti: 'a', sid: 'grant-a', sub: 'ada', client_id: 'shop' }),
    b: token(es, { ...alive, jti: 'b', sid: 'grant-b', sub: 'bob', client_id: 'desk' }),
    c: token(es, { ...alive, jti: 'c', sid: undefined, sub: 'cid', client_id: undefined }),
    undated: token(es, { ...alive, jti: 'a', iat: undefined }),
    bound: token(es, { ...alive, jti: 'a', cnf: { jkt: 'x' } }),
  }
}

const good = (each: string): FeedVerdict => ({ token: each, code: 'accepted' })
const revoked = (each: string): FeedVerdict => ({ token: each, code: 'token_revoked' })
const stale = (each: string): FeedVerdict => ({ token: each, code: 'revocations_stale' })
const wrongType = (each: string): FeedVerdict => ({ token: each, code: 'wrong_type' })
const whenOpen = (verdict: FeedVerdict): FeedVerdict => ({ ...verdict, when_stale: 'open' })

function matches(keys: Keys): FeedCase[] {
  const { a, b, c, undated } = kit(keys)
  const gone = token(keys.forger, { exp: LIVES_UNTIL })
  const half = token(keys.es, { exp: LIVES_UNTIL, jti: '\ud800', sub: '\udfff' })
  const one = (name: string, told: Entry, ...verdicts: FeedVerdict[]) =>
    story(name, step(0, [page(null, '1', [told])], verdicts))
  return [
    story('an empty list denies nothing', step(0, [page(null, '0')], [good(a), good(b), good(c), good(undated)])),
    one('a jti', entry('jti', 'a'), revoked(a), revoked(undated), good(b)),
    one('a sid', entry('sid', 'grant-a'), revoked(a), good(b), good(c)),
    one('a sub', entry('sub', 'ada'), revoked(a), good(b)),
    one('a client_id', entry('client_id', 'shop'), revoked(a), good(b), good(c)),
    one('a kid', entry('kid', keys.es.kid), revoked(a), revoked(b), revoked(c)),
    one('a kid that is no longer in the key set', entry('kid', keys.forger.kid), good(a), revoked(gone)),
    one('the value of another kind', entry('sub', 'a', { hash: hashOf('jti', 'ada') }), good(a)),
    one('a token as old as the entry', entry('sub', 'ada', { issued_before: NOW - 10 }), revoked(a)),
    one('a token after the entry', entry('jti', 'a', { issued_before: NOW - 11 }), good(a), revoked(undated)),
    one('times with fractions', entry('jti', 'a', { issued_before: NOW - 10.5, expires_at: NOW + 1.5 }), good(a)),
    one('times without bounds', entry('jti', 'a', { issued_before: 1e300, expires_at: 1e300 }), revoked(a)),
    one('times before all times', entry('jti', 'a', { issued_before: -1e300 }), good(a), revoked(undated)),
    one('an entry that has ended', entry('jti', 'a', { expires_at: NOW }), good(a)),
    one('a jti that is no text', entry('jti', 'x'), good(half)),
    story(
      'an entry ends by itself',
      step(0, [page(null, '1', [entry('jti', 'a', { expires_at: NOW + 15 })])], [revoked(a)]),
      step(1, [page('1', '1')], [revoked(a)]),
      step(2, [page('1', '1')], [good(a)]),
    ),
  ]
}

function comeAndGo(keys: Keys): FeedCase[] {
  const { a, b } = kit(keys)
  const nines = '9'.repeat(40)
  return [
    story(
      'entries come and are lifted',
      step(0, [page(null, '1')], [good(a), good(b)]),
      step(1, [page('1', '2', [entry('jti', 'a')])], [revoked(a), good(b)]),
      step(2, [page('2', '3', [entry('jti', 'b')])], [revoked(a), revoked(b)]),
      step(3, [page('3', '4', [], { removed: ['jti-a'] })], [good(a), revoked(b)]),
      step(4, [page('4', '4')], [good(a), revoked(b)]),
    ),
    story(
      'an entry is replaced by one of the same id',
      step(0, [page(null, '1', [entry('jti', 'a', { id: 'x' })])], [revoked(a), good(b)]),
      step(1, [page('1', '2', [entry('jti', 'b', { id: 'x' })])], [good(a), revoked(b)]),
    ),
    story(
      'two entries deny a token, and one is lifted',
      step(0, [page(null, '2', [entry('jti', 'a'), entry('sub', 'ada')])], [revoked(a)]),
      step(1, [page('2', '3', [], { removed: ['jti-a'] })], [revoked(a)]),
      step(2, [page('3', '4', [], { removed: ['sub-ada'] })], [good(a)]),
    ),
    story(
      'lifted and denied again in one page',
      step(0, [page(null, '1', [entry('jti', 'a')])], [revoked(a)]),
      step(1, [page('1', '3', [entry('jti', 'a')], { removed: ['jti-a'] })], [revoked(a)]),
    ),
    story(
      'removed names what nobody knows',
      step(
        0,
        [page(null, '1', [entry('jti', 'a')], { removed: ['x', null, 17, {}, '__proto__'] })],
        [revoked(a), good(b)],
      ),
    ),
    story(
      'cursors are compared as numbers, and may be longer than those that a machine has',
      step(0, [page(null, '9', [entry('jti', 'a')])], [revoked(a)]),
      step(1, [page('9', '10', [entry('jti', 'b')])], [revoked(a), revoked(b)]),
      step(2, [page('10', nines, [], { removed: ['jti-a'] })], [good(a), revoked(b)]),
      step(3, [page(nines, nines)], [good(a), revoked(b)]),
    ),
  ]
}

function inPages(keys: Keys): FeedCase[] {
  const { a, b, c } = kit(keys)
  return [
    story(
      'no verdict before the last page',
      step(0, [page(null, '1', [entry('jti', 'a')], MORE), broken('1')], [stale(a), stale(b)]),
      step(1, [page('1', '2', [], MORE), page('2', '3', [entry('jti', 'b')])], [revoked(b), revoked(a), good(c)]),
    ),
    story(
      'the first page says that nothing follows',
      step(0, [page(null, '5', [entry('jti', 'a')], { more: false })], [revoked(a), good(b)]),
    ),
    story(
      'a page that removes what a page before it brought',
      step(0, [page(null, '1', [entry('jti', 'a')], MORE), page('1', '2', [], { removed: ['jti-a'] })], [good(a)]),
    ),
    story(
      'the cursor goes back: the list starts over',
      step(0, [page(null, '9', [entry('jti', 'a')])], [revoked(a), good(b)]),
      step(
        1,
        [page('9', '3', [entry('jti', 'c')]), page(null, '3', [entry('jti', 'b')])],
        [good(a), revoked(b), good(c)],
      ),
      step(2, [page('3', '4')], [good(a), revoked(b)]),
    ),
    story(
      'while the new list is loaded, both lists deny',
      step(0, [page(null, '9', [entry('jti', 'a')])], [revoked(a), good(b)]),
      step(
        1,
        [page('9', '3'), page(null, '1', [entry('jti', 'b')], MORE), broken('1')],
        [stale(c), whenOpen(revoked(a)), whenOpen(revoked(b)), whenOpen(good(c))],
      ),
      step(2, [page('1', '3')], [good(a), revoked(b), good(c)]),
    ),
    story(
      'the list starts over at each answer',
      step(0, [page(null, '9')], [good(a)]),
      step(1, [page('9', '3', [], MORE), page(null, '9', [], MORE)], [stale(a)]),
    ),
    story(
      'more follows, but the cursor is the same number in other digits',
      step(0, [page(null, '5', [], MORE), page('5', '05', [], MORE), page('05', '5', [], MORE)], [stale(a)]),
    ),
    story(
      'more follows, but the cursor does not grow',
      step(0, [page(null, '1', [], MORE), page('1', '1', [], MORE)], [stale(a)]),
    ),
  ]
}

function garbage(keys: Keys): FeedCase[] {
  const { a, b } = kit(keys)
  const bad = (changed: Entry) => entry('jti', 'b', { id: 'bad', ...changed })
  const entries = [
    null,
    17,
    'x',
    [],
    {},
    bad({ kind: 'moon' }),
    bad({ kind: ['jti'] }),
    bad({ kind: 'constructor' }),
    bad({ id: 17 }),
    bad({ hash: 17 }),
    bad({ hash: 'short' }),
    bad({ hash: `${hashOf('jti', 'b')}=` }),
    bad({ hash: `${hashOf('jti', 'b')}\n` }),
    bad({ hash: '\u00e9'.repeat(43) }),
    bad({ issued_before: String(NOW) }),
    bad({ issued_before: null }),
    bad({ issued_before: true }),
    bad({ expires_at: undefined }),
    bad({ expires_at: [LIVES_UNTIL] }),
    entry('jti', 'a', { unknown: { member: [1] } }),
  ]
  const document = (changed: Entry) => JSON.stringify({ cursor: '1', entries: [], removed: [], ...changed })
  const documents: Record<string, string> = {
    'is empty': '',
    'is no JSON': '<html>',
    'is null': 'null',
    'is a list': '[]',
    'is a number': '17',
    'is cut': document({}).slice(0, -1),
    'is deeper than a stack': nested(20_000),
    'has no cursor': document({ cursor: undefined }),
    'has a number as cursor': document({ cursor: 1 }),
    'has a word as cursor': document({ cursor: 'x' }),
    'has a negative cursor': document({ cursor: '-1' }),
    'has an exponent in its cursor': document({ cursor: '1e3' }),
    'has a line end in its cursor': document({ cursor: '1\n' }),
    'has digits of another script in its cursor': document({ cursor: '\u0661' }),
    'has a cursor of 41 digits': document({ cursor: '1'.repeat(41) }),
    'has no entries': document({ entries: undefined }),
    'has an object of entries': document({ entries: {} }),
    'has no removed': document({ removed: undefined }),
    'has null as removed': document({ removed: null }),
    'says more in words': document({ more: 'true' }),
    'says more in a number': document({ more: 1 }),
  }
  return [
    story('entries of nonsense are left out', step(0, [page(null, '1', entries)], [revoked(a), good(b)])),
    ...Object.entries(documents).map(([name, body]) =>
      story(
        `a document that ${name} changes nothing`,
        step(0, [text(null, body)], [stale(a), whenOpen(good(a))]),
        step(1, [page(null, '1', [entry('jti', 'a')])], [revoked(a), good(b)]),
        step(2, [text('1', body)], [stale(b), whenOpen(revoked(a)), whenOpen(good(b))]),
        step(3, [page('1', '2', [entry('jti', 'b')])], [revoked(a), revoked(b)]),
      ),
    ),
  ]
}

function silence(keys: Keys): FeedCase[] {
  const { a, b, bound } = kit(keys)
  const minute = { max_staleness_seconds: 60 }
  const list = page(null, '1', [entry('jti', 'a')])
  const refusals: [string, Page[]][] = [
    ['has no feed', []],
    ['is busy', [broken('1'), broken(null)]],
    ['redirects', [text('1', '', { status: 302, headers: { location: 'https://attacker.example/' } })]],
    ['answers HTML', [text('1', '<p>Sign in</p>', { headers: { 'content-type': 'text/html' } })]],
  ]
  return [
    ...refusals.map(([name, told]): FeedCase => ({
      name: `the issuer ${name} past the bound`,
      revocations: minute,
      steps: [
        step(0, [list], [revoked(a), good(b)]),
        step(5, told, [revoked(a), good(b)]),
        step(9, told, [stale(a), stale(b), whenOpen(revoked(a)), whenOpen(good(b))]),
        step(12, [page('1', '2', [entry('jti', 'b')])], [revoked(a), revoked(b)]),
      ],
    })),
    {
      name: 'open from the start, and no feed',
      revocations: { ...minute, when_stale: 'open' },
      steps: [step(0, [], [good(a), { ...stale(b), when_stale: 'closed' }])],
    },
    story(
      'a token that is bound to a key is judged by fresh data first',
      step(0, [list], [wrongType(bound)]),
      step(1, [], [stale(bound), whenOpen(wrongType(bound))]),
    ),
    {
      name: 'an answer that a cache has kept for longer than the bound',
      revocations: minute,
      steps: [
        step(
          0,
          [{ ...list, headers: { ...list.headers, age: '100' } }],
          [stale(a), whenOpen(revoked(a)), whenOpen(good(b))],
        ),
        step(9, [page('1', '1')], [revoked(a), good(b)]),
      ],
    },
  ]
}

/** The clock of a machine is set forward and back. */
function clocks(keys: Keys): FeedCase[] {
  const { a, b } = kit(keys)
  const brief = page(null, '1', [entry('jti', 'a', { expires_at: NOW + 500 })])
  return [
    story(
      'a clock that is briefly ahead forgets no entry',
      step(0, [brief], [revoked(a), good(b)]),
      step(4, [page('1', '1')], [good(a), good(b)], { now: NOW + 5000 }),
      step(8, [page('1', '1')], [revoked(a), good(b)]),
    ),
    {
      name: 'a clock that is set back does not make an old list fresh',
      revocations: { max_staleness_seconds: 60 },
      steps: [step(0, [brief], [revoked(a), good(b)]), step(9, [], [stale(b)], { now: NOW - 5 })],
    },
    {
      name: 'a machine that slept has an old list',
      revocations: { max_staleness_seconds: 60 },
      steps: [step(0, [brief], [revoked(a), good(b)]), step(1, [], [stale(b)], { now: NOW + 3600 })],
    },
  ]
}

export const feedCases = (keys: Keys): FeedCase[] =>
  [matches, comeAndGo, inPages, garbage, silence, clocks].flatMap((each) => each(keys))
