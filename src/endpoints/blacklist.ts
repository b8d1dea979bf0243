/** `/blacklist`: entries are added, listed, read and lifted by administrators. */
import { entryView } from '../blacklist/entry-view.ts'
import { fromSeconds, type Instant } from '../clock.ts'
import { invalidRequest, notFound } from '../errors.ts'
import type { Denial } from '../grants/revocation.ts'
import { actorOf } from '../http/actor.ts'
import { readJsonObject } from '../http/form.ts'
import { readPage } from '../http/page.ts'
import type { Handler, Rooms } from '../http/rooms.ts'
import { looksSecret } from '../looks-secret.ts'
import { nameDenial } from '../tokens/denial.ts'

const KINDS = ['jti', 'sid', 'sub', 'client_id'] as const
const MOST_REASON_CHARACTERS = 500

/** POST /blacklist */
export const addEntry =
  (rooms: Rooms): Handler =>
  async (c) => {
    const body = await readJsonObject(c)
    const denial = await readDenial(body, rooms)
    const entry = await rooms.revocation.deny(denial, actorOf(c))
    c.header('Location', `/blacklist/${entry.id}`)
    return c.json(entryView(entry), 201)
  }

async function readDenial(body: Record<string, unknown>, rooms: Rooms): Promise<Denial> {
  const named = [...KINDS, 'token' as const].filter((name) => body[name] !== undefined && body[name] !== null)
  const [name] = named
  if (named.length !== 1 || !name) throw invalidRequest(`name exactly one of ${KINDS.join(', ')}, token`)
  const value = readText(body, name, 16_384)
  if (value === undefined) throw invalidRequest(`${name} is a string of 1 character or more`)
  const reason = readText(body, 'reason', MOST_REASON_CHARACTERS)
  const expiresAt = readInstant(body.expires_at, rooms.store.now())
  if (name !== 'token') {
    // It would deny nothing, and lie about for everybody who may list entries.
    if (looksSecret(value))
      throw invalidRequest(`${name} was given a token; name it as token, and its entry is made from it`)
    if (value.length > 512) throw invalidRequest(`${name} has at most 512 characters`)
    return { kind: name, value, reason, expiresAt }
  }
  return { ...(await nameDenial(value, rooms.tokenState)), reason, expiresAt }
}

function readText(body: Record<string, unknown>, name: string, most: number): string | undefined {
  const value = body[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string' || value === '' || value.length > most)
    throw invalidRequest(`${name} is a string of 1 to ${most} characters`)
  return value
}

/** Seconds since the epoch, or ISO 8601. */
function readInstant(value: unknown, now: Instant): Instant | undefined {
  if (value === undefined || value === null) return undefined
  const instant = typeof value === 'number' ? fromSeconds(value) : typeof value === 'string' ? Date.parse(value) : NaN
  if (!Number.isSafeInteger(Math.trunc(instant)) || instant <= now || instant > 8.64e15) {
    throw invalidRequest(
      'expires_at is a time in the future: ISO 8601, such as 2030-01-31T12:00:00Z, or seconds since the epoch',
    )
  }
  return Math.trunc(instant)
}

/** GET /blacklist */
export const listEntries =
  ({ store }: Rooms): Handler =>
  async (c) => {
    const page = readPage(c)
    const entries = await store.listBlacklist(page)
    const next = entries.length === page.limit ? (entries.at(-1)?.id ?? null) : null
    return c.json({ entries: entries.map(entryView), next })
  }

/** GET /blacklist/{id} */
export const readEntry =
  ({ store }: Rooms): Handler =>
  async (c) => {
    const entry = await store.findBlacklistEntry(c.req.param('id') ?? '')
    if (!entry || entry.removedAt !== null) throw notFound('this blacklist entry')
    return c.json(entryView(entry))
  }

/** DELETE /blacklist/{id} */
export const liftEntry =
  ({ revocation }: Rooms): Handler =>
  async (c) => {
    await revocation.lift(c.req.param('id') ?? '', actorOf(c))
    return c.body(null, 204)
  }
