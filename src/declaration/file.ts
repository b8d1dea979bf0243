/**
 * The declarative file: YAML or JSON, read and checked as a whole before anything is done. A mistake is told with its
 * line and key. Secrets are in it by reference only, and are never printed.
 */
import { basename, dirname, resolve } from 'node:path'
import type * as z from 'zod'
import { choosePreset } from '../clients/presets/index.ts'
import { findCommaFault, textOf } from '../clients/field-schemas.ts'
import { clientIdSchema, clientRegistrationSchema, toClientChange } from '../clients/wire.ts'
import type { ClientChange } from '../clients/registration.ts'
import { nearest } from '../ground/nearest.ts'
import { Fault } from '../ground/errors.ts'
import { pathFault } from '../ground/path-name.ts'
import { schemaOf, type ValueOf } from '../ground/schema.ts'
import { MOST_SECRET_BYTES, readTextFile } from '../ground/text-file.ts'
import { resourceRegistrationSchema, toResourceChange } from '../resources/wire.ts'
import type { ResourceChange } from '../resources/registration.ts'
import type { GroupMetadata } from '../users/group.ts'
import type { UserMetadata } from '../users/user.ts'
import { canonicalName } from '../users/username.ts'
import { groupCreationSchema, userChangeSchema } from '../users/wire.ts'
import { presetOf } from './preset.ts'
import { Source, type Path } from './source.ts'

export interface DeclaredClient {
  clientId: string
  change: ClientChange
  /** The secret behind its reference. */
  secret: string | undefined
  /** `file:line` of the reference, or of the declaration. */
  secretPlace: string
  /** Whether the client is to be disabled. A file never enables one. */
  isDisabled: boolean
  /** `file:line` of the declaration. */
  place: string
}

export interface DeclaredResource {
  id: string
  change: ResourceChange
  place: string
}

export interface DeclaredGroup {
  name: string
  change: GroupMetadata
  place: string
}

export interface DeclaredUser {
  /** In canonical form. */
  username: string
  id: string | undefined
  change: UserMetadata
  /** The password behind its reference. */
  password: string | undefined
  place: string
}

export interface Declaration {
  file: string
  /** By which records remember the file that made them: `name`, else the file's own name without folders. */
  name: string
  /** Whether the file says its `name`. Such a file takes over the records of other files that it names. */
  isNamed: boolean
  /** Whether the file has one of the lists below, be it empty. */
  hasLists: boolean
  resources: DeclaredResource[]
  clients: DeclaredClient[]
  groups: DeclaredGroup[]
  users: DeclaredUser[]
}

/** The length is checked first; no name of a variable or file is longer. */
const shortText = textOf(4096)

const secretReferenceSchema = schemaOf((z) =>
  z.union([z.strictObject({ env: shortText.zod.min(1) }), z.strictObject({ file: shortText.zod.min(1) })], {
    error: 'expected a reference, { env: VARIABLE } or { file: PATH }: the secret itself has no place in this file',
  }),
)

/** A client of the file; `for` and `url` name a preset, over which the other members win. */
const declaredClientSchema = schemaOf((z) =>
  clientRegistrationSchema.zod
    .extend({
      client_id: clientIdSchema.zod,
      client_secret: secretReferenceSchema.zod.optional(),
      disabled: z
        .literal(true, { error: 'expected true, or nothing: a file enables no client, signet client enable does' })
        .optional(),
      for: shortText.zod.optional(),
      url: shortText.zod.optional(),
    })
    .superRefine(({ for: name, url }, context) => {
      const chosen = name === undefined ? undefined : choosePreset(name, url)
      if (name === undefined && url !== undefined)
        context.addIssue({ code: 'custom', message: 'this is for a client with `for`', path: ['url'] })
      if (chosen && 'fault' in chosen) context.addIssue({ code: 'custom', message: chosen.fault, path: [chosen.at] })
    }),
)

const NAME = /^[\w.-]{1,64}$/

/** Whether a file may have this as its `name`. */
export const isName = (text: string): boolean => NAME.test(text)

const declarationSchema = schemaOf((z) =>
  z.strictObject({
    name: z
      .custom<string>((value) => typeof value === 'string' && isName(value), {
        error: 'expected 1 to 64 characters, each a letter, digit, "_", "." or "-"',
      })
      .optional(),
    resources: z.array(resourceRegistrationSchema.zod).default([]),
    clients: z.array(declaredClientSchema.zod).default([]),
    groups: z.array(groupCreationSchema.zod).default([]),
    users: z
      .array(
        userChangeSchema.zod.extend({
          username: shortText.zod,
          id: shortText.zod.optional(),
          password: secretReferenceSchema.zod.optional(),
        }),
      )
      .default([]),
  }),
)

type Env = Record<string, string | undefined>

/**
 * @param namedBy the variable that names the file, where one does
 * @throws Fault with every mistake, each with line and key; nothing has been done then.
 */
export async function readDeclaration(file: string, env: Env, namedBy = ''): Promise<Declaration> {
  const source = new Source(file, namedBy)
  requireNoComma(source)
  const parsed = declarationSchema.zod.safeParse(withoutExtensions(source.value))
  if (!parsed.success) throw faultOf(source, parsed.error.issues)
  const { name = basename(file), resources, clients, groups, users } = parsed.data
  const usernames = users.map(({ username }) => canonicalName(username))
  const ids = {
    resources: resources.map(({ id }) => id),
    clients: clients.map((client) => client.client_id),
    groups: groups.map((group) => group.name),
    users: usernames,
  }
  for (const [list, each] of Object.entries(ids)) requireUnique(source, list, each)
  const { value } = source
  return {
    file,
    name,
    isNamed: parsed.data.name !== undefined,
    hasLists: isObject(value) && Object.keys(ids).some((list) => Object.hasOwn(value, list)),
    groups: groups.map(({ name: group, ...change }, index) => ({
      name: group,
      change,
      place: source.place(['groups', index]),
    })),
    users: users.map(({ id, password, ...change }, index) => {
      const username = usernames[index] ?? ''
      const at = source.place(['users', index, 'password'])
      return {
        username,
        id,
        change: { ...change, username },
        password: password && readSecret(password, at, file, env, 'password'),
        place: source.place(['users', index]),
      }
    }),
    resources: resources.map(({ id, ...metadata }, index) => ({
      id,
      change: toResourceChange(metadata),
      place: source.place(['resources', index]),
    })),
    clients: clients.map((client, index) => {
      const { client_id: clientId, client_secret: reference, for: app, url, disabled = false, ...metadata } = client
      const secretPlace = source.place(['clients', index, 'client_secret'])
      return {
        clientId,
        change: { ...presetOf(app, url), ...toClientChange(metadata) },
        secret: reference && readSecret(reference, secretPlace, file, env),
        secretPlace,
        isDisabled: disabled,
        place: source.place(['clients', index]),
      }
    }),
  }
}

/** Keys that begin with `x-` are for the file's own use, such as to hold an anchor, as in a Compose file. */
function withoutExtensions(value: unknown): unknown {
  const inLists = (list: unknown): unknown => (Array.isArray(list) ? list.map((item) => plain(item)) : list)
  return plain(value, inLists)
}

/** A mapping without such keys, the other values changed by `change`; anything else as it is. */
const plain = (value: unknown, change = (each: unknown): unknown => each): unknown =>
  isObject(value)
    ? Object.fromEntries(
        Object.entries(value)
          .filter(([name]) => !name.startsWith('x-'))
          .map(([name, each]) => [name, change(each)]),
      )
    : value

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The secret behind a reference, without its line end and surrounding blanks. */
function readSecret(
  reference: ValueOf<typeof secretReferenceSchema>,
  place: string,
  file: string,
  env: Env,
  member = 'client_secret',
): string {
  const refuse = (finding: string, help: string) => new Fault(`${place}: ${member}: ${finding}`, help)
  if ('file' in reference) return readSecretFile(resolve(dirname(file), reference.file), reference.file, refuse)
  const value = env[reference.env]?.trim()
  if (value) return requireOneLine(value, `the variable ${reference.env}`, refuse)
  throw refuse(
    `the variable ${reference.env} is ${value === undefined ? 'not set' : 'empty'}`,
    'set it for the process that applies this file',
  )
}

type Refuse = (finding: string, help: string) => Fault

function readSecretFile(path: string, written: string, refuse: Refuse): string {
  const help = 'paths in the file are relative to the file itself'
  const why = pathFault(written)
  if (why !== undefined) throw refuse(`read ${JSON.stringify(written)}, but ${why}`, help)
  const read = readTextFile(path, MOST_SECRET_BYTES)
  if ('why' in read) throw refuse(`${path} ${read.why}`, help)
  const value = read.text.trim()
  if (value === '') throw refuse(`${path} is empty`, help)
  return requireOneLine(value, path, refuse)
}

/** A secret of several lines is the wrong file. Of control characters no client can send any (RFC 6749 appendix A.2). */
function requireOneLine(value: string, where: string, refuse: Refuse): string {
  if (!/\p{Cc}/u.test(value)) return value
  throw refuse(`${where} has a line break or another control character inside`, 'a secret is one line of text')
}

function faultOf(source: Source, issues: z.core.$ZodIssue[]): Fault {
  const lines = issues.flatMap((issue) => {
    const path = issue.path.filter((part) => typeof part !== 'symbol')
    if (issue.code !== 'unrecognized_keys')
      return [`${source.place(path)}: ${path.join('.') || 'file'}: ${issue.message}`]
    const accepted = acceptedAt(path)
    return issue.keys.map(
      (key) =>
        `${source.place(path, key)}: ${[...path, key].join('.')}: not a key that Signet knows${nearest(key, accepted)}; accepted: ${accepted.join(', ')}`,
    )
  })
  return new Fault(lines.join('\n'), 'nothing was applied')
}

/** @throws Fault for scope values that are separated by commas: as one value, no request would ask for it */
function requireNoComma(source: Source): void {
  const lists = isObject(source.value) ? Object.entries(source.value) : []
  const faults = lists.flatMap(([list, items]: [string, unknown]) =>
    (Array.isArray(items) ? items : []).flatMap((item: unknown, index) => {
      const fault = isObject(item) && 'scope' in item ? findCommaFault(item.scope) : undefined
      return fault === undefined ? [] : [`${source.place([list, index, 'scope'])}: ${list}.${index}.scope: ${fault}`]
    }),
  )
  if (faults.length > 0) throw new Fault(faults.join('\n'), 'nothing was applied')
}

function requireUnique(source: Source, list: string, ids: string[]): void {
  const seen = new Set<string>()
  for (const [index, id] of ids.entries()) {
    if (seen.has(id))
      throw new Fault(
        `${source.place([list, index])}: ${list}.${index}: ${id} is declared twice`,
        'nothing was applied',
      )
    seen.add(id)
  }
}

/** The keys that may stand at a place of the file. */
function acceptedAt([list, index]: Path): string[] {
  const { shape } = declarationSchema.zod
  if (index === undefined || !isList(list)) return Object.keys(shape)
  return Object.keys(shape[list].unwrap().element.shape)
}

const isList = (member: unknown): member is Exclude<keyof (typeof declarationSchema)['zod']['shape'], 'name'> =>
  typeof member === 'string' && member !== 'name' && Object.hasOwn(declarationSchema.zod.shape, member)
