/** `signet key …`: the signing keys. Private keys are never shown. */
import { BY_CLI } from '../audit.ts'
import { createPublicKey } from 'node:crypto'
import { Option, type Command } from 'commander'
import { fromSeconds, toIso } from '../ground/clock.ts'
import { Fault } from '../ground/errors.ts'
import type { Issuer } from '../issuer.ts'
import { SIGNING_ALGORITHMS } from '../keys/algorithms.ts'
import { keyView, listKeyViews } from '../keys/wire.ts'
import { isKnownToCaches } from '../keys/rotation.ts'
import { isSameRing, type RingId, type SigningAlgorithm, type SigningKeyRecord } from '../store/records/key.ts'
import { withIssuer } from './open-issuer.ts'
import { answer, note, table } from './output.ts'
import { subcommand, withExample } from './subcommand.ts'
import { UsageError, collect, durationOption } from './usage.ts'

const LOOK_EVERY_MS = 1000

/** A running server publishes a revoked key until it has noticed the change. */
const NOTICED_WITHIN_MS = 1000

/** Anybody can fetch the key set or the feed with any `User-Agent`. */
const UNVERIFIED = 'names that callers gave, unverified'

export function defineKey(key: Command): void {
  withExample(key, 'list')
  subcommand(key, 'list', 'all signing keys with their states', 'list').action(list)
  subcommand(
    key,
    'rotate',
    'next becomes active, active becomes retiring, a new next is published',
    'rotate --alg ES256',
  )
    .addOption(new Option('--alg <alg>', 'one algorithm alone').choices(SIGNING_ALGORITHMS))
    .option('--resource <id>', 'the keys that a resource has to itself')
    .addOption(
      new Option(
        '--wait [duration]',
        'wait until every verifier that was here lately has been given the next key, by name: processes with one name count as one',
      ).argParser(durationOption),
    )
    .option('--wait-for <name>', 'wait for this verifier, and for no other name (repeatable)', collect)
    .option('--emergency', 'go ahead although verifiers may not know the next key yet')
    .action(rotate)
  subcommand(
    key,
    'revoke <kid>',
    'a compromised key: out of the JWKS at once, another one active, its tokens denied',
    'revoke es256-0123456789abcdefghijkl',
  ).action(revoke)
  subcommand(
    key,
    'export <kid>',
    'the public key, as a JWK or as PEM',
    'export es256-0123456789abcdefghijkl --pem > signet.pem',
  )
    .option('--pem', 'SPKI PEM, for servers that read files')
    .action(exportKey)
}

async function answerKeys(command: Command, issuer: Issuer): Promise<void> {
  const views = await listKeyViews(issuer)
  answer(command, views, () => [keyTable(views), ...views.flatMap(readinessLines)].join('\n'))
}

/** The verifiers that fetched a next key and those that did not. Empty without any verifier. */
function readinessLines(view: Awaited<ReturnType<typeof listKeyViews>>[number]): string[] {
  if (!('seen_by' in view) || view.seen_by.length + view.not_seen_by.length === 0) return []
  const names = (readers: { name: string; last_seen_at: string }[]) =>
    readers.map(({ name, last_seen_at }) => `${name} (last here ${last_seen_at})`).join(', ')
  return [
    '',
    `next ${view.kid} (${UNVERIFIED})`,
    `  fetched by ${names(view.seen_by) || 'nobody yet'}`,
    view.not_seen_by.length > 0
      ? `  not yet by ${names(view.not_seen_by)}`
      : '  no name that was here lately is missing; processes with one name count as one',
  ]
}

function keyTable(views: ReturnType<typeof keyView>[]): string {
  const anyOwn = views.some((key) => 'resource' in key)
  const rows = views.map((key) => [
    key.kid,
    key.alg,
    key.status,
    key.created_at,
    key.activated_at,
    key.retires_at,
    ...(anyOwn ? ['resource' in key ? key.resource : null] : []),
  ])
  const titles = ['KID', 'ALG', 'STATUS', 'PUBLISHED', 'ACTIVATED', 'RETIRES', ...(anyOwn ? ['RESOURCE'] : [])]
  return table(titles, rows, 'no keys yet')
}

const list = (_options: object, command: Command): Promise<void> => withIssuer((issuer) => answerKeys(command, issuer))

interface RotateOptions {
  alg?: SigningAlgorithm
  resource?: string
  emergency?: boolean
  /** Seconds; `true` waits without end. */
  wait?: number | true | undefined
  waitFor?: string[] | undefined
}

const rotate = (options: RotateOptions, command: Command): Promise<void> =>
  withIssuer(async (issuer) => {
    const { alg, resource, emergency = false, waitFor } = options
    if (resource !== undefined && waitFor)
      throw new UsageError('--wait-for: readers of the keys that a resource has to itself are not noted')
    // A name is waited for until it has come, unless a time is given.
    const wait = options.wait ?? (waitFor ? true : undefined)
    const { keys, rotation, config } = issuer
    const mode = emergency ? 'emergency' : 'requested'
    const rings = keys.ringsOf({ alg, resource })
    if (rings.length === 0) throw new Fault('there is no ring of keys by this name', 'see: signet key list')
    const done: string[] = []
    // All rings are asked before the first is rotated, so that a rotation of several is not half done.
    for (const ring of rings) {
      const refused = await rotation.forecast(ring, mode)
      if (refused) throw refusal(ring.alg, { ...refused, emergency, done })
    }
    await tellWhoIsNotReady(rings, issuer, { wait, waitFor })
    for (const ring of rings) {
      const rotated = await rotation.rotate(ring, mode, BY_CLI)
      if (rotated.outcome === 'refused') throw refusal(ring.alg, { ...rotated, emergency, done })
      done.push(ring.alg)
    }
    await answerKeys(command, issuer)
    if (emergency) noteUnknownSigner(config.jwksMaxAgeSeconds)
  })

/** Warns that caches may not have the signing key yet. */
const noteUnknownSigner = (maxAgeSeconds: number): void =>
  note(
    `verifiers refuse the new tokens until they fetch the key set again: up to ${maxAgeSeconds} s, and longer where they ignore max-age`,
  )

/** Names the verifiers that did not fetch the next keys. With `wait`, it looks again until there are none. */
async function tellWhoIsNotReady(
  rings: RingId[],
  issuer: Issuer,
  { wait, waitFor }: Pick<RotateOptions, 'wait' | 'waitFor'>,
): Promise<void> {
  const deadline = typeof wait === 'number' ? performance.now() + wait * 1000 : Infinity
  for (let told = ''; ;) {
    const names = (await listNotReady(rings, issuer, waitFor)).join(', ')
    if (names === '') return
    if (names !== told)
      note(`not seen with the next key yet: ${names} (${UNVERIFIED})${wait === undefined ? '' : `; ${WAITING}`}`)
    if (wait === undefined) return
    const left = deadline - performance.now()
    if (left <= 0) throw waitedInVain(names)
    told = names
    await new Promise((resolve) => setTimeout(resolve, Math.min(left, LOOK_EVERY_MS)))
  }
}

const WAITING =
  'waiting until they are (Ctrl-C ends it and nothing is rotated; a name that is not here for a week is not waited for, and with --wait-for NAME no other is)'

const waitedInVain = (names: string): Fault =>
  new Fault(
    `the time to wait is over and these have not been given the next key: ${names}`,
    `nothing was rotated; signet key rotate without --wait goes ahead, and --wait-for NAME waits for the verifiers that you know (${UNVERIFIED})`,
  )

async function listNotReady(
  rings: RingId[],
  { keys, readers }: Issuer,
  waitFor: string[] | undefined,
): Promise<string[]> {
  const next = (await keys.list()).filter((key) => key.status === 'next' && rings.some((ring) => isSameRing(ring, key)))
  const missing = await Promise.all(
    next.map(async (key) => {
      const { seenBy, notSeenBy } = await readers.readinessFor(key)
      const seen = new Set(seenBy.map(({ name }) => name))
      return waitFor ? waitFor.filter((name) => !seen.has(name)) : notSeenBy.map(({ name }) => name)
    }),
  )
  return [...new Set(missing.flat())].toSorted()
}

interface Refused {
  safeFrom: number | null
  reason: string
  emergency: boolean
  /** Algorithms that were rotated before this one was refused. */
  done: string[]
}

function refusal(alg: SigningAlgorithm, { safeFrom, reason, emergency, done }: Refused): Fault {
  const safe = safeFrom === null ? '' : `; safe from ${toIso(safeFrom)}`
  const result = done.length > 0 ? `${done.join(', ')} was rotated, this was not` : 'nothing was rotated'
  const help = emergency
    ? result
    : `${result}; wait until then, or go ahead with --emergency: verifiers with a cached key set then refuse new tokens for a while`
  return new Fault(`${alg}: ${reason}${safe}`, help)
}

const revoke = (kid: string, _options: object, command: Command): Promise<void> =>
  withIssuer(async (issuer) => {
    requireKey(await issuer.keys.list(), kid)
    const { before, lastExpiry } = await issuer.revocation.revokeKey(kid, BY_CLI)
    const { jwksMaxAgeSeconds, keyPrepublishSeconds } = issuer.config
    const now = issuer.store.now()
    const records = await issuer.keys.list()
    const active = records.find((key) => isSameRing(key, before) && key.status === 'active')
    const result = {
      revoked: keyView(requireKey(records, kid)),
      active: active ? keyView(active) : null,
      // The last token of the issuer does not matter: a thief can sign tokens while a cache holds the key.
      cached_until: toIso(now + NOTICED_WITHIN_MS + fromSeconds(jwksMaxAgeSeconds)),
      last_token_expires_at: toIso(lastExpiry),
      keys: records.map(keyView),
    }
    answer(command, result, () => describeRevocation(result))
    if (before.status === 'active' && active && !isKnownToCaches(active, before, now, keyPrepublishSeconds))
      noteUnknownSigner(jwksMaxAgeSeconds)
  })

function describeRevocation(result: {
  revoked: { kid: string }
  active: { kid: string } | null
  cached_until: string
  keys: ReturnType<typeof keyView>[]
}): string {
  return [
    `${result.revoked.kid} is revoked: out of the JWKS, its tokens are refused here and by whoever follows the blacklist feed.`,
    `${result.active?.kid ?? 'no key'} signs now.`,
    `A verifier that only caches the JWKS may accept tokens of the revoked key, forged ones too, until ${result.cached_until}.`,
    'Restart those that keep keys for longer than the JWKS allows: they accept forged tokens for as long as they keep the key.',
    '',
    keyTable(result.keys),
  ].join('\n')
}

function requireKey(records: SigningKeyRecord[], kid: string): SigningKeyRecord {
  const key = records.find((each) => each.kid === kid)
  if (!key) throw new Fault(`key "${kid}" does not exist`, 'see: signet key list')
  return key
}

const exportKey = (kid: string, { pem = false }: { pem?: boolean }, command: Command): Promise<void> =>
  withIssuer(async ({ keys }) => {
    const { alg, publicJwk, status } = requireKey(await keys.list(), kid)
    if (status === 'retired' || status === 'revoked')
      note(`key ${kid} is ${status}: no live token was signed by it, or none should be accepted`)
    if (!pem) {
      const jwk = { ...publicJwk, kid, alg, use: 'sig' }
      return answer(command, jwk, () => JSON.stringify(jwk, null, 2))
    }
    const text = createPublicKey({ key: { ...publicJwk }, format: 'jwk' })
      .export({ type: 'spki', format: 'pem' })
      .toString()
    return answer(command, { kid, pem: text }, () => text.trimEnd())
  })
