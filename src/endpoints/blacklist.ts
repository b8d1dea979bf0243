/** `/blacklist`: administrators add, list, read and lift entries. */
import { BLACKLIST_ENTRY, denialSchema, entryView } from '../blacklist/wire.ts'
import type { Denial, Revocation } from '../blacklist/revocation.ts'
import { invalidRequest, notFound } from '../ground/errors.ts'
import type { ValueOf } from '../ground/schema.ts'
import { answerOf, createdOf, manyOf, nothing, orNull, shapeOf, text } from '../ground/shape.ts'
import { scope } from '../http/access.ts'
import { created, done, json } from '../http/reply.ts'
import { paging, readPageOfIds } from '../http/page.ts'
import { basePath } from '../http/endpoint-url.ts'
import { route, type Route } from '../http/route.ts'
import { BLACKLIST_SCOPE } from '../resources/resource.ts'
import type { Store } from '../store/store.ts'
import { nameDenial } from '../tokens/denial.ts'
import type { TokenState } from '../tokens/token-state.ts'

interface Needs {
  issuer: string
  store: Store
  tokenState: TokenState
  revocation: Revocation
}

export const blacklist = (needs: Needs): Route[] => [
  addBlacklistEntry(needs),
  listBlacklist(needs),
  readBlacklistEntry(needs),
  liftBlacklistEntry(needs),
]

const SHARED = { access: scope(BLACKLIST_SCOPE), tag: 'Blacklist' }
const ONE = {
  ...SHARED,
  params: { id: { says: 'The id of an entry, percent-encoded', example: BLACKLIST_ENTRY.example.id } },
}

const addBlacklistEntry = (needs: Needs) =>
  route(
    {
      post: '/blacklist',
      ...SHARED,
      body: denialSchema,
      example: { sub: 'ada', reason: 'lost laptop' },
      id: 'addBlacklistEntry',
      says: 'Deny tokens',
      tells:
        'Name exactly one of `jti`, `sid`, `sub`, `client_id` and `token`. Entries for a `sub` or `client_id` deny every token of theirs and refuse new ones, until lifted. Unknown members are refused.',
      answers: { 201: createdOf('Denied from now on.', BLACKLIST_ENTRY) },
      refuses: ['invalid_request'],
    },
    async ({ body, actor }) => {
      const denial = await readDenial(body, needs)
      const entry = await needs.revocation.deny(denial, actor)
      return created(entryView(entry), `${basePath(needs.issuer)}/blacklist/${entry.id}`)
    },
  )

const listBlacklist = ({ store }: Needs) =>
  route(
    {
      get: '/blacklist',
      ...SHARED,
      query: paging('id'),
      id: 'listBlacklist',
      says: 'List entries',
      answers: { 200: answerOf('A page of entries.', PAGE) },
      refuses: ['invalid_request'],
    },
    async (call) => {
      const page = readPageOfIds(call)
      const entries = await store.listBlacklist(page)
      const next = entries.length === page.limit ? (entries.at(-1)?.id ?? null) : null
      return json({ entries: entries.map(entryView), next })
    },
  )

const readBlacklistEntry = ({ store }: Needs) =>
  route(
    {
      get: '/blacklist/:id',
      ...ONE,
      id: 'readBlacklistEntry',
      says: 'Read an entry',
      answers: { 200: answerOf('The entry.', BLACKLIST_ENTRY) },
      refuses: [404],
    },
    async ({ params }) => {
      const entry = await store.findBlacklistEntry(params.id)
      if (!entry) throw notFound('this blacklist entry')
      return json(entryView(entry))
    },
  )

const liftBlacklistEntry = ({ revocation }: Needs) =>
  route(
    {
      delete: '/blacklist/:id',
      ...ONE,
      id: 'liftBlacklistEntry',
      says: 'Lift an entry',
      tells:
        'Tokens that are still unexpired are good again, except refresh tokens: a grant that was ended stays ended. Refused for a revoked key, and for the entry that disabling a client made.',
      answers: { 204: nothing('Lifted.') },
      refuses: [404, 409],
    },
    async ({ params, actor }) => {
      await revocation.lift(params.id, actor)
      return done()
    },
  )

const PAGE = shapeOf<{ entries: object[]; next: string | null }>(
  'BlacklistPage',
  {
    entries: manyOf({ $ref: '#/components/schemas/BlacklistEntry' }, 'A page of entries.'),
    next: orNull(text('Give it back as `?after=`; `null` on the last page.')),
  },
  { entries: [BLACKLIST_ENTRY.example], next: null },
)

async function readDenial(body: ValueOf<typeof denialSchema>, { store, tokenState }: Needs): Promise<Denial> {
  const { kind, value, reason, expiresAt } = body
  if (typeof expiresAt === 'number' && expiresAt <= store.now())
    throw invalidRequest('expires_at: expected a time in the future')
  const named = kind === 'token' ? await nameDenial(value, tokenState) : { kind, value }
  return { ...named, reason, expiresAt }
}
