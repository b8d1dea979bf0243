/** The body of a request, read once, within bounds, into parameters (RFC 6749 §3.2, appendix B). */
import { isUtf8 } from 'node:buffer'
import type { Context } from 'hono'
import { invalidRequest, type OAuthError, type OAuthErrorOptions } from '../ground/errors.ts'
import { JsonFault, describePath, readExactJson } from '../ground/exact-json.ts'
import { withoutSecrets } from '../ground/looks-secret.ts'
import type { KnownParameters } from './parameters.ts'
import type { Env } from './rooms.ts'

const MOST_BODY_BYTES = 65_536
const MOST_PAIRS = 100

/**
 * Known parameters by name. A parameter without a value counts as absent. An unknown one is ignored (RFC 6749 §3.2).
 */
export class Parameters<Name extends string> {
  readonly #values: Map<string, string[]>

  /**
   * @param pairs names and values in the order in which they were sent
   * @throws OAuthError `invalid_request` where a parameter was sent twice that may be sent once.
   */
  constructor(pairs: Iterable<[string, string]>, known: KnownParameters) {
    this.#values = new Map()
    for (const [name, sent] of pairs) {
      const value = name === 'subject' ? sent : withoutLineEnd(sent)
      if (value === '' || !Object.hasOwn(known, name)) continue
      const present = this.#values.get(name)
      if (present) present.push(value)
      else this.#values.set(name, [value])
    }
    for (const [name, { length }] of this.#values) {
      if (length > 1 && known[name] === 'once') throw invalidRequest(`${name} was sent ${length} times; once is right`)
    }
  }

  get(name: Name): string | undefined {
    return this.#values.get(name)?.[0]
  }

  /** @throws OAuthError `invalid_request` naming the parameter where it is absent. */
  require(name: Name): string {
    const value = this.get(name)
    if (value === undefined) throw invalidRequest(`${name} is missing`)
    return value
  }

  /** Every value of a parameter that may repeat, in order. */
  all(name: Name): string[] {
    return this.#values.get(name) ?? []
  }
}

/** Reads a form body. @throws OAuthError `invalid_request` */
export async function readForm<Name extends string>(
  c: Context<Env>,
  known: KnownParameters<Name>,
): Promise<Parameters<Name>> {
  if (mediaType(c) !== 'application/x-www-form-urlencoded') {
    throw invalidRequest('send the parameters as a form body: Content-Type: application/x-www-form-urlencoded')
  }
  return parseForm((await readBody(c)).toString('utf8'), known)
}

/**
 * A value without the line end that `echo` and editors add. No value of OAuth has a line end (RFC 6749 appendix A). A
 * `subject` is a backend's own name for a person, so it is taken whole or refused.
 */
export function withoutLineEnd(value: string): string {
  let end = value.length
  while (end > 0 && (value[end - 1] === '\n' || value[end - 1] === '\r')) end -= 1
  return value.slice(0, end)
}

/** Reads a form or, by its content type, a JSON object with the same members. */
export async function readFormOrJson<Name extends string>(
  c: Context<Env>,
  known: KnownParameters<Name>,
): Promise<Parameters<Name>> {
  if (mediaType(c) !== 'application/json') return readForm(c, known)
  const members = Object.entries(await readJsonObject(c)).filter(([name]) => Object.hasOwn(known, name))
  const pairs = members.flatMap(([name, value]) =>
    textsOf(name, value, known).map((text): [string, string] => [name, text]),
  )
  return new Parameters<Name>(pairs, known)
}

/** The values of a member: a list only where the parameter may repeat. */
function textsOf(name: string, value: unknown, known: KnownParameters): string[] {
  if (value === null) return []
  if (typeof value === 'string') return [value]
  const isRepeatable = known[name] === 'repeatable'
  if (isRepeatable && Array.isArray(value) && value.every((each) => typeof each === 'string')) return value
  throw invalidRequest(`${name} is a string${isRepeatable ? ', or a list of strings' : ''} in the JSON body`)
}

type Refusal = (description: string, options?: OAuthErrorOptions) => OAuthError

/**
 * Reads a JSON object, whatever its members.
 * @param refusal for a member whose value cannot be taken as it stands
 * @throws OAuthError
 */
export async function readJsonObject(
  c: Context<Env>,
  refusal: Refusal = invalidRequest,
): Promise<Record<string, unknown>> {
  if (mediaType(c) !== 'application/json') throw invalidRequest('send a JSON body: Content-Type: application/json')
  const bytes = await readBody(c)
  if (!isUtf8(bytes)) throw invalidRequest('the body is not UTF-8')
  const value = readBodyJson(bytes.toString('utf8'), refusal)
  if (value && typeof value === 'object' && !Array.isArray(value)) return { ...value }
  throw invalidRequest('the body is not a JSON object')
}

function readBodyJson(text: string, refusal: Refusal): unknown {
  try {
    return readExactJson(text)
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error
    if (error.path.length === 0) throw invalidRequest('the body is not a JSON object')
    // The names are the caller's own: it reads them, and the log does not.
    throw refusal(`${withoutSecrets(describePath(error.path))}: ${error.message}`, {
      reason: 'a member of the body cannot be taken exactly as it stands there',
    })
  }
}

function parseForm<Name extends string>(text: string, known: KnownParameters<Name>): Parameters<Name> {
  const pairs = [...new URLSearchParams(text)]
  if (pairs.length > MOST_PAIRS) throw invalidRequest(`the body has more than ${MOST_PAIRS} parameters`)
  return new Parameters<Name>(pairs, known)
}

const mediaType = (c: Context<Env>): string =>
  (c.req.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''

const tooLarge = (): OAuthError =>
  invalidRequest(`the body is larger than ${MOST_BODY_BYTES} bytes`, { status: 413, headers: { Connection: 'close' } })

/** The whole body; counted as it comes, so that chunked encoding cannot pass the limit. */
function readBody(c: Context<Env>): Promise<Buffer> {
  if (Number(c.req.header('content-length') ?? 0) > MOST_BODY_BYTES) return Promise.reject(tooLarge())
  // Node's own events are much cheaper than the web stream, or the iterator, that would be wrapped around them.
  const { incoming } = c.env
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const onData = (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= MOST_BODY_BYTES) return void chunks.push(chunk)
      incoming.off('data', onData).pause()
      reject(tooLarge())
    }
    incoming.on('data', onData)
    incoming.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
    // A caller that hangs up in the middle, or is too slow: no defect of ours.
    const onClose = () => {
      if (!incoming.readableEnded) reject(invalidRequest('the request ended before its body did'))
    }
    incoming.on('error', onClose)
    incoming.on('close', onClose)
    if (incoming.destroyed) onClose()
  })
}
