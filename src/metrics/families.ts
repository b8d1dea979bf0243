/**
 * Every metric of Signet's own: its name, and the source of its numbers at a scrape. No label holds a client, a subject,
 * a token, or any text that a caller chose.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Blacklist } from '../blacklist/match.ts'
import { isStanding } from '../store/records/blacklist.ts'
import { toSeconds, type Clock } from '../ground/clock.ts'
import type { Limits } from '../limits/limits.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { MasterKeys } from '../keys/master-keys.ts'
import type { KeyRotation } from '../keys/rotation.ts'
import type { Store } from '../store/store.ts'
import type { Traffic } from '../ground/traffic.ts'
import { readVersion } from '../ground/version.ts'
import { counted, counter, gauge, histogram, labelled, type Family, type Sample } from './family.ts'

/** The sources of the numbers. */
export interface Measured {
  clock: Clock
  store: Store
  masterKeys: MasterKeys
  keys: KeyRing
  rotation: KeyRotation
  blacklist: Blacklist
  traffic: Traffic
  limits: Pick<Limits, 'figures'>
}

/** Blacklist entries that are counted in one turn of the event loop. */
const ENTRIES_IN_A_TURN = 10_000

export async function readFamilies(measured: Measured, isServing: boolean): Promise<Family[]> {
  return [
    one('signet_ready', 'Whether it answers requests and its database answers.', Number(isServing)),
    gauge('signet_build_info', 'Always 1: which version runs on which Node.', {
      labels: { version: readVersion(), node: process.version },
      value: 1,
    }),
    ...requests(measured.traffic),
    ...people(measured.traffic),
    await sessions(measured.store),
    ...limits(measured.limits.figures()),
    ...tokens(measured),
    ...keys(measured),
    ...masterKeys(measured),
    ...storage(measured.store),
    counter('signet_cache_requests_total', 'Questions to caches, by outcome.', ...caches(measured.traffic)),
    gauge('signet_blacklist_entries', 'Entries that deny something now.', plain(await countStanding(measured))),
    one('signet_feed_followers', 'Open streams of the blacklist feed.', measured.traffic.feedFollowers),
  ]
}

const plain = (value: number): Sample => ({ labels: {}, value })

const one = (name: string, help: string, value: number): Family => gauge(name, help, plain(value))

function requests({ requests: answered, durations, refusals }: Traffic): Family[] {
  const seconds = {
    name: 'signet_http_request_duration_seconds',
    help: 'Time until an answer was handed over; for a stream, until it began.',
  }
  return [
    counted('signet_http_requests_total', 'Requests that were answered, by route.', answered),
    histogram(
      seconds,
      [...durations].map(([endpoint, spread]) => [{ endpoint }, spread]),
    ),
    counted('signet_refusals_total', 'Requests that were refused, by registered error code.', refusals),
  ]
}

const people = ({ people: { factors, signIns, codes, logouts } }: Traffic): Family[] => [
  counter(
    'signet_factors_total',
    'Factors that people have shown, by outcome; waited: not judged, for too many guesses before.',
    ...Object.entries(factors).flatMap(([factor, outcomes]) =>
      labelled('outcome', outcomes).map(({ labels, value }) => ({ labels: { factor, ...labels }, value })),
    ),
  ),
  counter('signet_sign_ins_total', 'Sign-ins that ended, by outcome.', ...labelled('outcome', signIns)),
  counter('signet_codes_total', 'Authorization codes that came to /token, by outcome.', ...labelled('outcome', codes)),
  counter('signet_logouts_total', 'Attempts to tell clients of a logout, by outcome.', ...labelled('outcome', logouts)),
]

/** No sample where the database does not answer: the other figures are needed most then. */
async function sessions(store: Store): Promise<Family> {
  const live = store.silenceMs() > 0 ? undefined : await store.countSessions().catch(() => undefined)
  const samples = live === undefined ? [] : [plain(live)]
  return gauge('signet_sessions', 'Sessions of people that are live.', ...samples)
}

const limits = ({ inFlight, shed, limited }: ReturnType<Limits['figures']>): Family[] => [
  one('signet_in_flight_requests', 'Requests that are being answered.', inFlight),
  counter('signet_shed_total', 'Requests turned away because too much was asked at once.', ...labelled('reason', shed)),
  counter(
    'signet_rate_limited_total',
    'Requests refused by a limit on what one caller may cost.',
    ...labelled('limit', limited),
  ),
]

const tokens = ({ traffic, keys: { signatures } }: Measured): Family[] => [
  counted('signet_tokens_issued_total', 'Access tokens issued, by grant type and algorithm.', traffic.tokensIssued),
  counter('signet_refreshes_total', 'Uses of refresh tokens, by outcome.', ...labelled('outcome', traffic.refreshes)),
  counter('signet_signatures_total', 'Signatures made, by algorithm.', ...labelled('alg', signatures)),
]

function keys({ keys: ring, rotation, clock }: Measured): Family[] {
  const oldest = new Map<string, Sample>()
  for (const { ring: owner, alg, status, createdAt } of ring.published()) {
    const value = toSeconds(clock.now() - createdAt)
    const name = `${owner} ${alg} ${status}`
    if (value >= (oldest.get(name)?.value ?? -Infinity))
      oldest.set(name, { labels: { alg, status, ring: owner }, value })
  }
  const due = ring.rings().map((id) => ({ labels: { alg: id.alg, ring: id.ring }, value: rotation.due(id) }))
  return [
    gauge(
      'signet_signing_key_age_seconds',
      'Since the oldest key of each status was made; the ring is empty for the issuer’s own, else the resource’s.',
      ...oldest.values(),
    ),
    gauge(
      'signet_key_rotation_due_timestamp_seconds',
      'When the schedule lets the next key take over.',
      ...due.flatMap(({ labels, value }) => (value === undefined ? [] : { labels, value: toSeconds(value) })),
    ),
  ]
}

function masterKeys({ masterKeys: held }: Measured): Family[] {
  const counts = { new: 0, current: 0, previous: 0, missing: held.missing === undefined ? 0 : 1 }
  for (const { status, isHere } of held.list()) if (status !== 'retired' && isHere) counts[status] += 1
  const help = 'Master keys that this process has, by status; missing: the current one, where it does not have it.'
  return [gauge('signet_master_keys', help, ...labelled('status', counts))]
}

function storage(store: Store): Family[] {
  const { sizeBytes, journalBytes, commits } = store.figures()
  const batch = { name: 'signet_commit_batch_size', help: 'Changes that shared a commit.' }
  const seconds = { name: 'signet_commit_duration_seconds', help: 'Time of a commit, with its flush to disk.' }
  return [
    counter('signet_commits_total', 'Commits to the database.', plain(commits.seconds.count)),
    histogram(batch, [[{}, commits.batchSize]]),
    histogram(seconds, [[{}, commits.seconds]]),
    gauge(
      'signet_wal_bytes',
      'Size of the write-ahead log.',
      ...(journalBytes === undefined ? [] : [plain(journalBytes)]),
    ),
    one(
      'signet_database_silence_seconds',
      'Since the database was last known to have no news, where it does not answer; else 0.',
      store.silenceMs() / 1000,
    ),
    gauge('signet_database_bytes', 'Size of the database, without that log.', plain(sizeBytes)),
  ]
}

const caches = ({ caches: all }: Traffic): Sample[] =>
  Object.entries(all).flatMap(([cache, { hit, miss }]) =>
    labelled('outcome', { hit, miss }).map(({ labels, value }) => ({ labels: { cache, ...labels }, value })),
  )

/** Counts in slices, because a million entries at once would hold up every request. */
async function countStanding({ blacklist, clock }: Measured): Promise<number> {
  const now = clock.now()
  let standing = 0
  let seen = 0
  for (const entry of blacklist.entries()) {
    if (++seen % ENTRIES_IN_A_TURN === 0) await nextTurn()
    if (isStanding(entry, now)) standing += 1
  }
  return standing
}
