/**
 * The declarative file: YAML or JSON, read whole and checked whole before anything is done. A mistake is
 * told with its line and key. Secrets stand in it by reference only, and are never printed.
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { LineCounter, isMap, isNode, isScalar, parseDocument, type Document } from 'yaml'
import * as z from 'zod'
import { clientIdSchema, clientRegistrationSchema, toClientChange } from '../clients/wire.ts'
import type { ClientChange } from '../clients/registration.ts'
import { findChangedValue } from './exact-values.ts'
import { nearest } from '../ground/nearest.ts'
import { Fault } from '../ground/errors.ts'
import { resourceRegistrationSchema, toResourceChange } from '../resources/wire.ts'
import type { ResourceChange } from '../resources/registration.ts'

export interface DeclaredClient {
  clientId: string
  change: ClientChange
  /** The secret behind its reference. */
  secret: string | undefined
  /** `file:line` of the declaration. */
  place: string
}

export interface DeclaredResource {
  id: string
  change: ResourceChange
  place: string
}

export interface Declaration {
  file: string
  resources: DeclaredResource[]
  clients: DeclaredClient[]
}

/** The length is checked first; no name of a variable or file is longer. */
const shortText = z.string().max(4096, { abort: true })

const secretReferenceSchema = z.union(
  [z.strictObject({ env: shortText.min(1) }), z.strictObject({ file: shortText.min(1) })],
  {
    error: 'expected a reference, { env: VARIABLE } or { file: PATH }: the secret itself has no place in this file',
  },
)

const declarationSchema = z.strictObject({
  resources: z.array(resourceRegistrationSchema).default([]),
  clients: z
    .array(
      clientRegistrationSchema.extend({ client_id: clientIdSchema, client_secret: secretReferenceSchema.optional() }),
    )
    .default([]),
})

type Path = readonly (string | number)[]
type Env = Record<string, string | undefined>

/**
 * @param namedBy the variable that names the file, where one does
 * @throws Fault with every mistake, each with line and key; nothing has been done then.
 */
export async function readDeclaration(file: string, env: Env, namedBy = ''): Promise<Declaration> {
  const source = new Source(file, namedBy)
  source.requireExact()
  const parsed = declarationSchema.safeParse(source.value)
  if (!parsed.success) throw source.fault(parsed.error.issues)
  const { resources, clients } = parsed.data
  source.requireUnique(
    'resources',
    resources.map(({ id }) => id),
  )
  source.requireUnique(
    'clients',
    clients.map((client) => client.client_id),
  )
  return {
    file,
    resources: resources.map(({ id, ...metadata }, index) => ({
      id,
      change: toResourceChange(metadata),
      place: source.place(['resources', index]),
    })),
    clients: clients.map(({ client_id: clientId, client_secret: reference, ...metadata }, index) => ({
      clientId,
      change: toClientChange(metadata),
      secret: reference && readSecret(reference, source.place(['clients', index, 'client_secret']), file, env),
      place: source.place(['clients', index]),
    })),
  }
}

function readSecret(reference: z.output<typeof secretReferenceSchema>, place: string, file: string, env: Env): string {
  if ('env' in reference) {
    const value = env[reference.env]
    if (value) return value
    throw new Fault(
      `${place}: client_secret: the variable ${reference.env} is not set`,
      'set it for the process that applies this file',
    )
  }
  const path = resolve(dirname(file), reference.file)
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException // readFileSync throws system errors only
    throw new Fault(
      `${place}: client_secret: ${path} cannot be read (${code})`,
      'paths in the file are relative to the file itself',
    )
  }
}

/** A parsed file that remembers where everything stands. */
class Source {
  readonly value: unknown
  /** Behind the variable that names it, where one does. */
  readonly #file: string
  readonly #document: Document
  readonly #lines = new LineCounter()

  constructor(file: string, namedBy: string) {
    this.#file = `${namedBy && `${namedBy}: `}${file}`
    this.#document = parseDocument(readText(file, namedBy), { lineCounter: this.#lines, uniqueKeys: true })
    const [error] = this.#document.errors
    if (error) {
      const { line, col } = this.#lines.linePos(error.pos[0])
      throw new Fault(
        `${this.#file}:${line}:${col}: ${error.message.split('\n')[0]?.replace(/ at line .*$/, '')}`,
        'the file is YAML or JSON',
      )
    }
    this.value = this.#document.toJS({ maxAliasCount: 100 }) ?? {}
  }

  /** `file:line` of a path, or of the closest thing around it. */
  place(path: Path, key?: string): string {
    for (let length = path.length; length >= 0; length--) {
      const node = length === 0 ? this.#document.contents : this.#document.getIn(path.slice(0, length), true)
      if (!isNode(node) || !node.range) continue
      return `${this.#file}:${this.#lines.linePos(keyStart(node, key) ?? node.range[0]).line}`
    }
    return this.#file
  }

  fault(issues: z.core.$ZodIssue[]): Fault {
    const lines = issues.flatMap((issue) => {
      const path = issue.path.filter((part) => typeof part !== 'symbol')
      if (issue.code === 'unrecognized_keys') {
        const accepted = acceptedAt(path)
        return issue.keys.map(
          (key) =>
            `${this.place(path, key)}: ${[...path, key].join('.')}: not a key that Signet knows${nearest(key, accepted)}; accepted: ${accepted.join(', ')}`,
        )
      }
      return [`${this.place(path)}: ${path.join('.') || 'file'}: ${issue.message}`]
    })
    return new Fault(lines.join('\n'), 'nothing was applied')
  }

  /** @throws Fault naming a value that would not reach a token as it is written */
  requireExact(): void {
    const changed = findChangedValue(this.#document)
    if (!changed) return
    const name = changed.path.join('.')
    throw new Fault(`${this.place(changed.path)}: ${name}: ${changed.message}`, 'nothing was applied')
  }

  requireUnique(list: string, ids: string[]): void {
    const index = ids.findIndex((id, at) => ids.indexOf(id) !== at)
    if (index >= 0)
      throw new Fault(
        `${this.place([list, index])}: ${list}.${index}: ${ids[index]} is declared twice`,
        'nothing was applied',
      )
  }
}

/** The keys that may stand at a place of the file. */
function acceptedAt([list, index]: Path): string[] {
  const { clients, resources } = declarationSchema.shape
  if (index === undefined) return Object.keys(declarationSchema.shape)
  return Object.keys((list === 'clients' ? clients : resources).unwrap().element.shape)
}

/** Where a key of a mapping begins. */
function keyStart(node: unknown, key: string | undefined): number | undefined {
  if (key === undefined || !isMap(node)) return undefined
  const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key)
  return isScalar(pair?.key) ? pair.key.range?.[0] : undefined
}

function readText(file: string, namedBy: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException // readFileSync throws system errors only
    throw new Fault(`${namedBy && `${namedBy}: `}${file} cannot be read (${code})`, 'name a readable YAML or JSON file')
  }
}
