/** The tables of resources. See ../tables.ts for the rules of every table. */
import type { SigningAlgorithm } from '../records/key.ts'
import type { ResourceRecord, ResourceMembers } from '../records/resource.ts'
import { boolean, instant, json, maybeInstant, maybeInteger, maybeText, oneOf, table, text } from '../table.ts'

export const resources = table({
  name: 'resources',
  columns: {
    id: text(),
    alg: oneOf<SigningAlgorithm>('ES256', 'RS256'),
    ttl: maybeInteger(),
    scope: json<ResourceRecord['scope']>(),
    typ: oneOf<ResourceRecord['typ']>('at+jwt', 'JWT'),
    claims: json<Record<string, unknown>>(),
    ownKeys: boolean({ fallback: false }),
    signIn: json<Partial<ResourceMembers>>({ fallback: '{}' }),
    disabledAt: maybeInstant(),
    /** The name of the declarative file that made it, which may then remove it again. */
    declaredBy: maybeText(),
    createdAt: instant(),
    updatedAt: instant(),
  },
  key: ['id'],
  kept: { noun: 'resource', id: 'id' },
})

/** Deleted resources, one row per id. Tokens for a deleted resource must stay invalid when its id is created again. */
export const deletedResources = table({
  name: 'deleted_resources',
  columns: {
    id: text(),
    deletedAt: instant(),
    /** Whether an operator ended it, so that a file that still names it must not revive it. */
    isEnded: boolean({ fallback: false }),
  },
  key: ['id'],
})
