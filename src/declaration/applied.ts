/** The result of applying a declarative file, in the words of the file. */
import { isDeepStrictEqual } from 'node:util'
import { shell } from '../ground/shell-word.ts'
import type { Table } from '../ground/metadata.ts'

/** A value before and after, in the words of the file. */
export interface AppliedChange {
  field: string
  from: unknown
  to: unknown
}

export interface AppliedItem {
  kind: 'resource' | 'client' | 'group' | 'user'
  id: string
  /** Fields that differ, for a change. */
  fields: string[]
  /** The same with their values; of a secret only that it is replaced. */
  changes: AppliedChange[]
  /** Live grants of a person who has a new client's id as `sub`: the operator wins the name, and they end. */
  ended_grants?: number
  /** A user has a new client's id as `sub`, and is disabled. */
  disabled_user?: boolean
  /** A client without a secret that its authentication needs: it gets no tokens until it has one. */
  lacks_secret?: boolean
  /** A new client that could be a service signs people in, only because it has a redirect URI and names no grant. */
  grant_by_redirect?: boolean
}

/** A record that another file made, under the name of that file. */
export interface KeptItem extends AppliedItem {
  file: string
}

/** A declaration, or a part of one, that is not applied because of what an operator did. The rest of the file is. */
export interface Unapplied {
  kind: 'resource' | 'client' | 'client_secret' | 'jwks' | 'group' | 'user'
  id: string
  /** File and line. */
  place: string
  /** The step that helps. */
  fix: string
}

/** The changes that were made, or would be. */
export interface Applied {
  created: AppliedItem[]
  changed: AppliedItem[]
  left: AppliedItem[]
  /** Made by this file before and named no more; only where these are to be removed. */
  removed?: AppliedItem[]
  /** Made by another file and not named here; beside `removed`. */
  kept?: KeptItem[]
  /** Ended by an operator, and still named by the file: it stays ended. Only where there is something. */
  ended?: Unapplied[]
  /** At odds with a record that an operator made or changed. Only where there is something. */
  conflicts?: Unapplied[]
}

/** A brought secret replaces all earlier secrets at once; a rotation leaves an overlap. */
export const NEW_SECRET: AppliedChange = {
  field: 'client_secret',
  from: 'the one before, refused from now on without overlap',
  to: 'the one of the file',
}

export const DISABLED: AppliedChange = { field: 'disabled', from: false, to: true }

/**
 * A file that says its name takes over the records of other files. A record that a command made stays without a file.
 * @param name of the file, where it says one
 */
export const takingOver = ({ declaredBy }: { declaredBy: string | null }, name: string | undefined): AppliedChange[] =>
  name === undefined || declaredBy === null || declaredBy === name
    ? []
    : [{ field: 'declared_by', from: declaredBy, to: name }]

export const itemOf = (kind: AppliedItem['kind'], id: string, changes: AppliedChange[]): AppliedItem => ({
  kind,
  id,
  fields: changes.map(({ field }) => field),
  changes,
})

/** How an operator brings back an ended record. The file never does. */
const REVIVED_BY = {
  resource: (id: string) =>
    `an operator deleted resource ${id}; take it out of the file, or bring it back with: signet resource create ${shell(id)}`,
  client: (id: string) =>
    `client ${id} was deleted by an operator, or removed while it was disabled; take it out of the file, or bring it back with: signet client create --id ${shell(id)}`,
  group: (id: string) =>
    `an operator deleted group ${id}; take it out of the file, or bring it back with: signet group create ${shell(id)}`,
  user: (id: string) =>
    `an operator deleted user ${id}; take the user out of the file, or make another with: signet user create ${shell(id)}`,
  jwks: (id: string) => `an operator took a key of jwks from client ${id}; take that key out of the file`,
  client_secret: (id: string) =>
    `an operator ended this secret of client ${id}, or rotated it away so that it ends soon; put the new one where client_secret points to, or take client_secret out of the file`,
}

/** The step that gives a secret to each client that lacks one. */
export const describeMissingSecrets = ({ created, changed, left }: Applied): string[] =>
  [...created, ...changed, ...left]
    .filter((item) => item.lacks_secret)
    .map(({ id }) => `client ${id} has no secret, and gets no tokens before: signet client rotate-secret ${shell(id)}`)

/** The member that says whether a client signs people in. A file of an earlier version may have meant a service. */
export const describeGrantsByRedirect = ({ created }: Applied): string[] =>
  created
    .filter((item) => item.grant_by_redirect)
    .map(
      ({ id }) =>
        `client ${id} has redirect_uris and no grant_types, so people sign in to it; write grant_types: [authorization_code] where that is meant, or grant_types: [client_credentials] for a service, as versions before read it`,
    )

/** The declarations of the file that are not applied, as one list. */
export const unappliedOf = ({ ended = [], conflicts = [] }: Applied): Unapplied[] => [...ended, ...conflicts]

export const stillEnded = (kind: Unapplied['kind'], id: string, place: string): Unapplied => ({
  kind,
  id,
  place,
  fix: REVIVED_BY[kind](id),
})

/** The fields that would change, in the words of the file. */
export function differing(
  fields: Table,
  before: Record<string, unknown>,
  after: Record<string, unknown>,
): AppliedChange[] {
  const form = (name: string, value: unknown) => (fields[name]?.isSet ? inOrder(value) : value)
  return Object.keys(fields)
    .filter((field) => !isDeepStrictEqual(form(field, before[field]), form(field, after[field])))
    .map((field) => ({ field, from: before[field] ?? null, to: after[field] ?? null }))
}

/** The values of a set, given as a list or as one text, in an order that can be compared. */
function inOrder(value: unknown): unknown {
  const words = typeof value === 'string' ? value.split(' ') : value
  return Array.isArray(words) ? words.toSorted() : words
}
