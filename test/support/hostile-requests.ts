/** Good requests with one hostile value in one slot, as bytes. */
import type { Slot } from './described-slots.ts'
import { basic, bearer } from '../../harness/call.ts'
import { jsonOf, percentEncoded, type Hostile } from '../../harness/hostile.ts'
import type { Credentials } from './client.ts'

/** The records that the requests aim at. */
export interface HostileScene {
  /** Registered for `client_secret_basic`. */
  app: Credentials
  /** Registered for `client_secret_post`. */
  poster: Credentials
  /** An administrator's token. */
  administrator: string
  /** Good values, by the name of the parameter. */
  good: Record<string, unknown>
  /** The last part of a path, by the part before it. */
  ids: Record<string, string>
  /** Values that belong to another client, by the name of the parameter. */
  others: Record<string, string>
}

/** Parameters by which a client authenticates: a request that tries one of them has no HTTP Basic. */
const AUTHENTICATION = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type']
/** `POST /blacklist` takes exactly one of these. */
const DENIED = ['jti', 'sid', 'sub', 'client_id', 'token']

let made = 0

/** Only JSON has values that are no text, and a path has exactly one value. */
export function canHold(slot: Slot, { bytes, shape }: Hostile): boolean {
  if (slot.in === 'path') return shape === undefined && bytes !== undefined && bytes('a') !== ''
  return slot.in === 'json' || bytes !== undefined || shape === 'absent'
}

export function hostileRequest(slot: Slot, hostile: Hostile, mark: string, scene: HostileScene): Buffer {
  const value = hostile.bytes?.(mark)
  const target = pathOf(slot, value, scene) + queryOf(slot, hostile, value)
  const body = bodyOf(slot, hostile, mark, scene)
  const head = [
    `${slot.operation.method} ${target} HTTP/1.1`,
    'Host: localhost',
    'Connection: close',
    ...headersOf(slot, hostile, value, scene),
    ...(body === undefined ? [] : [`Content-Type: ${slot.mediaType}`, `Content-Length: ${body.length}`]),
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body ?? ''}`, 'latin1')
}

function pathOf({ operation, in: place }: Slot, value: string | undefined, { ids }: HostileScene): string {
  const [collection = ''] = operation.path.split('/{')[0]?.split('/').slice(-1) ?? []
  const id = place === 'path' && value !== undefined ? value : (ids[collection] ?? 'unknown')
  return operation.path.replace(/\{\w+\}/, percentEncoded(id))
}

const queryOf = (slot: Slot, hostile: Hostile, value: string | undefined): string =>
  slot.in === 'query' ? `?${pairsOf(slot.name, hostile, value, '5').join('&')}` : ''

/** The form of one parameter in a query or a form. */
function pairsOf(name: string, { shape }: Hostile, value: string | undefined, good: string): string[] {
  const encoded = percentEncoded(value ?? '')
  if (shape === 'absent') return []
  if (shape === 'twice') return [`${name}=${percentEncoded(good)}`, `${name}=${encoded}`]
  if (shape === 'array') return [`${name}[]=${encoded}`, `${name}[0]=${encoded}`]
  if (shape === 'nested') return [`${name}[__proto__][polluted]=${encoded}`]
  return [`${name}=${encoded}`]
}

function headersOf(
  { operation, in: place, name }: Slot,
  { shape }: Hostile,
  value = '',
  scene: HostileScene,
): string[] {
  const { authorization: good } = operation.isForClients ? basic(scene.app) : bearer(scene.administrator)
  const inBody = place === 'form' || place === 'json'
  const isTried = (place === 'header' && name === 'Authorization') || (inBody && AUTHENTICATION.includes(name))
  const authorization =
    operation.isPublic || (isTried && (operation.isForClients || !inBody)) ? [] : [`Authorization: ${good}`]
  if (place !== 'header' || shape === 'absent') return authorization
  return [...authorization, ...(shape === 'twice' ? [`${name}: ${value}`] : []), `${name}: ${value}`]
}

function bodyOf(slot: Slot, hostile: Hostile, mark: string, scene: HostileScene): string | undefined {
  if (slot.mediaType === undefined) return undefined
  const base = Object.entries(goodBody(slot, scene)).filter(([name]) => name !== slot.name)
  const good = scene.good[slot.name] ?? 'good'
  const value = hostile.bytes?.(mark)
  if (slot.mediaType !== 'application/json') {
    const hostilePairs = slot.in === 'form' ? pairsOf(slot.name, hostile, value, textOf(good)) : []
    const pairs = base.map(([name, each]) => `${name}=${percentEncoded(textOf(each))}`)
    return [...pairs, ...hostilePairs].join('&')
  }
  const members = base.map(([name, each]) => `${JSON.stringify(name)}:${JSON.stringify(each)}`)
  return `{${[...members, ...(slot.in === 'json' ? membersOf(slot.name, hostile, mark) : [])].join(',')}}`
}

function membersOf(name: string, { bytes, json, shape }: Hostile, mark: string): string[] {
  const value = json?.(mark) ?? jsonOf(bytes?.(mark) ?? '')
  if (shape === 'absent') return []
  if (shape === 'twice') return [`"${name}":${value}`, `"${name}":${value}`]
  if (shape === 'array') return [`"${name}[]":${value}`, `"${name}":[${value},${value}]`]
  if (shape === 'nested') return [`"${name}":{"__proto__":{"polluted":${value}}}`, `"__proto__":{"polluted":${value}}`]
  return [`"${name}":${value}`]
}

/** The example with the parameter, with values of this server. */
function goodBody(
  { operation, name, examples, in: place }: Slot,
  { good, poster }: HostileScene,
): Record<string, unknown> {
  const example = examples.find((each) => name in each) ?? examples[0] ?? {}
  const isDenial = operation.path === '/blacklist' && DENIED.includes(name)
  const kept = Object.entries(example).filter(([each]) => !isDenial || !DENIED.includes(each))
  const body = Object.fromEntries(kept.map(([each, value]) => [each, good[each] ?? value]))
  if (operation.path === '/admin/api/clients') body.client_id = `made-${made++}`
  if (operation.path === '/admin/api/resources') body.id = `made-${made++}`
  if (!operation.isForClients || place === 'header' || !AUTHENTICATION.includes(name)) return body
  const post = { client_id: poster.clientId, client_secret: poster.secret }
  const assertion = {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: 'a.b.c',
  }
  return { ...body, ...(name.startsWith('client_assertion') ? assertion : post) }
}

/** The form of a value in a form. */
const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
