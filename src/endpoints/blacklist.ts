/** `/blacklist`: entries are added, listed, read and lifted by administrators. */
import type * as z from 'zod'
import { denialSchema, entryView } from '../blacklist/wire.ts'
import { invalidRequest, notFound } from '../ground/errors.ts'
import type { Denial } from '../blacklist/revocation.ts'
import { actorOf } from '../http/actor.ts'
import { readPage } from '../http/page.ts'
import { parseBody } from '../http/parse-body.ts'
import type { Handler, Rooms } from '../http/rooms.ts'
import { nameDenial } from '../tokens/denial.ts'

/** POST /blacklist */
export const addEntry =
  (rooms: Rooms): Handler =>
  async (c) => {
    const denial = await readDenial(await parseBody(c, denialSchema), rooms)
    const entry = await rooms.revocation.deny(denial, actorOf(c))
    c.header('Location', `/blacklist/${entry.id}`)
    return c.json(entryView(entry), 201)
  }

async function readDenial(body: z.output<typeof denialSchema>, rooms: Rooms): Promise<Denial> {
  const { kind, value, reason, expiresAt } = body
  if (typeof expiresAt === 'number' && expiresAt <= rooms.store.now())
    throw invalidRequest('expires_at: expected a time in the future')
  const named = kind === 'token' ? await nameDenial(value, rooms.tokenState) : { kind, value }
  return { ...named, reason, expiresAt }
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
