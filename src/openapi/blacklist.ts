/** `/blacklist` and its feed */
import * as z from 'zod'
import { denialSchema } from '../blacklist/wire.ts'
import type { FeedDocument } from '../blacklist/feed.ts'
import { BLACKLIST_SCOPE } from '../resources/resource.ts'
import { done, id, json, jsonBody, LOCATION, maybe, PUBLIC, query, ref, withScope, type Paths } from './operation.ts'
import { paging } from './paging.ts'
import { cacheable, IF_NONE_MATCH } from './public-document.ts'
import { BEARER_BODY_REFUSALS, BEARER_REFUSALS, CONFLICT, NOT_FOUND, OUTAGES, refused } from './refusals.ts'

const KINDS = ['jti', 'sid', 'sub', 'client_id', 'kid'] as const

const entry = z.object({
  id: z.string().meta({ description: 'Id of the entry.' }),
  kind: z.enum(KINDS).meta({ description: 'What `value` is.' }),
  value: z.string().meta({ description: 'Whose tokens are denied.' }),
  jti: z.string().optional(),
  sid: z.string().optional(),
  sub: z.string().optional(),
  client_id: z.string().optional(),
  kid: z.string().optional(),
  reason: z.string().nullable(),
  issued_before: z.iso.datetime().meta({ description: 'Tokens are denied whose `iat` is not after this.' }),
  expires_at: z.iso.datetime().nullable().meta({ description: 'When the entry ends by itself; `null` for never.' }),
  created_at: z.iso.datetime(),
  created_by: z.string().meta({ description: '`cli`, `system`, or the `client_id` behind the token.' }),
})

const entries = z.object({
  entries: z.array(entry).meta({ description: 'A page of entries.' }),
  next: z.string().nullable().meta({ description: 'Give it back as `?after=`; `null` on the last page.' }),
})

const seconds = z.int()

const feed = z.object({
  cursor: z.string().meta({ description: 'Give it back as `?after=` for what came since.' }),
  entries: z
    .array(
      z.object({
        id: z.string().meta({ description: 'Id of the entry.' }),
        kind: z.enum(KINDS).meta({ description: 'Which claim (or, for `kid`, header) to look at.' }),
        hash: z.string().meta({ description: 'base64url SHA-256 of `kind:value`.' }),
        issued_before: seconds.meta({ description: 'A token matches whose `iat` is not after this. Seconds.' }),
        expires_at: seconds.meta({ description: 'The entry may be forgotten then. Seconds.' }),
      }),
    )
    .meta({ description: 'What to refuse.' }),
  removed: z.array(z.string()).meta({ description: 'Ids of entries that were lifted.' }),
  more: z
    .literal(true)
    .optional()
    .meta({ description: 'Another page follows: ask for it with `?after=` and `cursor`.' }),
}) satisfies z.ZodType<FeedDocument>

export const blacklistSchemas = { Denial: denialSchema, BlacklistEntry: entry, BlacklistPage: entries, Feed: feed }

const ENTRY = {
  id: '019a6e3d-11aa-7b0e-8c1d-2f3a4b5c6d7e',
  kind: 'sub',
  value: 'ada',
  sub: 'ada',
  reason: 'lost laptop',
  issued_before: '2026-01-31T12:16:00.000Z',
  expires_at: null,
  created_at: '2026-01-31T12:00:00.000Z',
  created_by: 'operator',
} satisfies z.output<typeof entry>

const FEED = {
  cursor: '17',
  entries: [
    {
      id: ENTRY.id,
      kind: 'sub',
      hash: 'p2WJHSwbnta47ckDdY6_DbUUiOa1uJcHSd3Q0LMf6WQ',
      issued_before: 1_769_861_760,
      expires_at: 1_769_861_760,
    },
  ],
  removed: [],
} satisfies z.output<typeof feed>

const shared = { tags: ['Blacklist'] as [string], security: withScope(BLACKLIST_SCOPE) }
const ENTRY_ID = id('The id of an entry', ENTRY.id)

export const blacklistPaths: Paths = {
  '/blacklist/feed': {
    get: {
      tags: ['Blacklist'],
      security: PUBLIC,
      operationId: 'followBlacklist',
      summary: 'What downstream verifiers follow',
      description:
        'Names nobody: values are hashed. It comes in pages of at most 2,000 entries; with `Accept: text/event-stream` a stream of events `blacklist`, each with the cursor as its `id` and the same object as its `data`.',
      parameters: [
        IF_NONE_MATCH,
        query('after', 'What came after this cursor alone.', { type: 'string', pattern: '^\\d{1,15}$' }),
        {
          name: 'Last-Event-ID',
          in: 'header',
          description: 'Of the stream: goes on after this cursor.',
          schema: { type: 'string', pattern: '^\\d{1,15}$' },
        },
      ],
      responses: {
        ...cacheable(feedAnswer()),
        ...refused('invalid_request'),
        ...OUTAGES,
      },
    },
  },
  '/blacklist': {
    post: {
      ...shared,
      operationId: 'addBlacklistEntry',
      summary: 'Deny tokens',
      description:
        'Name exactly one of `jti`, `sid`, `sub`, `client_id` and `token`. Entries for a `sub` or `client_id` deny every token of theirs and refuse new ones, until lifted. Unknown members are refused.',
      requestBody: jsonBody(ref('Denial'), { sub: 'ada', reason: 'lost laptop' }),
      responses: {
        201: json('Denied from now on.', ref('BlacklistEntry'), ENTRY, LOCATION),
        ...refused('invalid_request'),
        ...BEARER_BODY_REFUSALS,
      },
    },
    get: {
      ...shared,
      operationId: 'listBlacklist',
      summary: 'List entries',
      parameters: paging('`id`'),
      responses: {
        200: json('A page of entries.', ref('BlacklistPage'), { entries: [ENTRY], next: null }),
        ...refused('invalid_request'),
        ...BEARER_REFUSALS,
      },
    },
  },
  '/blacklist/{id}': {
    get: {
      ...shared,
      operationId: 'readBlacklistEntry',
      summary: 'Read an entry',
      parameters: [ENTRY_ID],
      responses: { 200: json('The entry.', ref('BlacklistEntry'), ENTRY), ...NOT_FOUND, ...BEARER_REFUSALS },
    },
    delete: {
      ...shared,
      operationId: 'liftBlacklistEntry',
      summary: 'Lift an entry',
      description:
        'What is still unexpired is good again, but for refresh tokens: a grant that was ended stays ended. Refused for a revoked key, and for what disabling a client made.',
      parameters: [ENTRY_ID],
      responses: { 204: done('Lifted.'), ...NOT_FOUND, ...CONFLICT, ...BEARER_REFUSALS },
    },
  },
}

function feedAnswer() {
  const answer = json('The feed.', ref('Feed'), FEED, {
    ETag: maybe('Of the document. Give it back in `If-None-Match`.'),
    'X-Accel-Buffering': maybe('Of the stream: `no`, so that nginx passes events on at once.'),
  })
  const event = `event: blacklist\ndata: ${JSON.stringify(FEED)}\nid: ${FEED.cursor}\n\n`
  const stream = { 'text/event-stream': { schema: { type: 'string' }, example: event } }
  return { ...answer, content: { ...answer.content, ...stream } }
}
