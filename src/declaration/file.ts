/**
 * The declarative file: YAML or JSON, read and checked as a whole before anything is done. A mistake is told with its
 * line and key. Secrets are in it by reference only, and are never printed.
 */
import { basename } from 'node:path'
import type * as z from 'zod'
import { choosePreset } from '../clients/presets/index.ts'
import { findCommaFault, textOf } from '../clients/field-schemas.ts'
import { clientIdSchema, clientRegistrationSchema, toClientChange } from '../clients/wire.ts'
import type { Env } from '../config/variable.ts'
import { nearest } from '../ground/nearest.ts'
import { Fault } from '../ground/errors.ts'
import { schemaOf, type ValueOf } from '../ground/schema.ts'
import { resourceRegistrationSchema, toResourceChange } from '../resources/wire.ts'
import { canonicalName } from '../users/username.ts'
import { userChangeSchema } from '../users/wire.ts'
import { groupCreationSchema } from '../users/group-wire.ts'
import type { Declaration, DeclaredClient, DeclaredGroup, DeclaredResource, DeclaredUser } from './declaration.ts'
import { presetOf } from './preset.ts'
import { readSecret, secretReferenceSchema } from './secret-reference.ts'
import { Source, type Path } from './source.ts'

/** The length is checked first; no name of a variable or file is longer. */
const shortText = textOf(4096)

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

type Declared = ValueOf<typeof declarationSchema>

/** A file that is being read. */
interface Reading {
  source: Source
  /** Its path: references to other files start there. */
  file: string
  env: Env
}

/**
 * @param namedBy the variable that names the file, where one does
 * @throws Fault with every mistake, each with line and key; nothing has been done then.
 */
export async function readDeclaration(file: string, env: Env, namedBy = ''): Promise<Declaration> {
  const source = new Source(file, namedBy)
  requireNoComma(source)
  const parsed = declarationSchema.zod.safeParse(withoutExtensions(source.value))
  if (!parsed.success) throw faultOf(source, parsed.error.issues)
  const { name, ...lists } = parsed.data
  for (const [list, ids] of Object.entries(idsOf(lists))) requireUnique(source, list, ids)
  const { value } = source
  const reading = { source, file, env }
  return {
    file,
    name: name ?? basename(file),
    isNamed: name !== undefined,
    hasLists: isObject(value) && Object.keys(lists).some((list) => Object.hasOwn(value, list)),
    groups: lists.groups.map((group, index) => readGroup(group, index, reading)),
    users: lists.users.map((user, index) => readUser(user, index, reading)),
    resources: lists.resources.map((resource, index) => readResource(resource, index, reading)),
    clients: lists.clients.map((client, index) => readClient(client, index, reading)),
  }
}

/** The names by which each list tells its records apart. */
const idsOf = ({ resources, clients, groups, users }: Omit<Declared, 'name'>): Record<string, string[]> => ({
  resources: resources.map(({ id }) => id),
  clients: clients.map((client) => client.client_id),
  groups: groups.map((group) => group.name),
  users: users.map(({ username }) => canonicalName(username)),
})

const readGroup = (
  { name, ...change }: Declared['groups'][number],
  index: number,
  { source }: Reading,
): DeclaredGroup => ({ name, change, place: source.place(['groups', index]) })

function readUser(
  { id, password, ...change }: Declared['users'][number],
  index: number,
  { source, file, env }: Reading,
): DeclaredUser {
  const username = canonicalName(change.username)
  const at = source.place(['users', index, 'password'])
  return {
    username,
    id,
    change: { ...change, username },
    password: password && readSecret(password, at, file, env, 'password'),
    place: source.place(['users', index]),
  }
}

const readResource = (
  { id, ...metadata }: Declared['resources'][number],
  index: number,
  { source }: Reading,
): DeclaredResource => ({ id, change: toResourceChange(metadata), place: source.place(['resources', index]) })

function readClient(
  client: Declared['clients'][number],
  index: number,
  { source, file, env }: Reading,
): DeclaredClient {
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
