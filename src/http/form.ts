/** Reads the body of a request once, within bounds, into parameters (RFC 6749 §3.2, appendix B). */
import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { invalidRequest, type OAuthError, type OAuthErrorOptions } from '../ground/errors.ts'
import { JsonFault, describePath, readExactJson } from '../ground/exact-json.ts'
import { withoutSecrets } from '../ground/looks-secret.ts'
import type { KnownParameters } from './parameters.ts'
import { SentParameters } from './sent.ts'

const MOST_BODY_BYTES = 65_536
const MOST_PAIRS = 100
const JSON_TYPE = 'application/json'
const FORM_TYPE = 'application/x-www-form-urlencoded'

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

/** @throws OAuthError `invalid_request` where the body is said to be no form, nor JSON where that is taken too. */
export function requireForm(incoming: IncomingMessage, isJsonTaken = false): void {
  const type = mediaType(incoming)
  if (type === FORM_TYPE || (isJsonTaken && type === JSON_TYPE)) return
  const form = `send the parameters as a form body: Content-Type: ${FORM_TYPE}`
  throw invalidRequest(isJsonTaken ? `${form}; or as a JSON object: Content-Type: ${JSON_TYPE}` : form)
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
export function parseFormOrJson<Name extends string>(
  incoming: IncomingMessage,
  bytes: Buffer,
  known: KnownParameters<Name>,
): Parameters<Name> {
  if (mediaType(incoming) !== JSON_TYPE) return parseForm(bytes, known)
  const members = Object.entries(parseJsonObject(incoming, bytes)).filter(([name]) => Object.hasOwn(known, name))
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

export type RefusalOf = (description: string, options?: OAuthErrorOptions) => OAuthError

/**
 * Reads a JSON object, whatever its members.
 * @param refusal for a member whose value cannot be taken as it stands
 * @throws OAuthError
 */
export function parseJsonObject(
  incoming: IncomingMessage,
  bytes: Buffer,
  refusal: RefusalOf = invalidRequest,
): Record<string, unknown> {
  if (mediaType(incoming) !== JSON_TYPE) throw invalidRequest('send a JSON body: Content-Type: application/json')
  if (!isUtf8(bytes)) throw invalidRequest('the body is not UTF-8')
  const value = readBodyJson(bytes.toString('utf8'), refusal)
  if (value && typeof value === 'object' && !Array.isArray(value)) return { ...value }
  throw invalidRequest('the body is not a JSON object')
}

function readBodyJson(text: string, refusal: RefusalOf): unknown {
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

/**
 * The parameters of a form.
 * @throws OAuthError `invalid_request` for too many parameters, and for a known parameter that is sent twice
 */
export function parseForm<Name extends string>(bytes: Buffer, known: KnownParameters<Name>): Parameters<Name> {
  const pairs = [...new URLSearchParams(bytes.toString('utf8'))]
  if (pairs.length > MOST_PAIRS) throw invalidRequest(`the body has more than ${MOST_PAIRS} parameters`)
  return new Parameters<Name>(pairs, known)
}

/** The parameters and the JSON that a browser sends to a page. */
interface Sent {
  sent: SentParameters
  json: Readonly<Record<string, unknown>>
}

export const isForm = (incoming: IncomingMessage): boolean => mediaType(incoming) === FORM_TYPE

/** The form or the JSON object of a page's own script. Any other body counts as an empty form. */
export function readSent(incoming: IncomingMessage, bytes: Buffer): Sent {
  if (mediaType(incoming) === JSON_TYPE) return { sent: new SentParameters([]), json: parseJsonObject(incoming, bytes) }
  return { sent: new SentParameters(isForm(incoming) ? new URLSearchParams(bytes.toString('utf8')) : []), json: {} }
}

/** The parameters of a query, for a page that is asked by GET. */
export const readQuery = (query: string | undefined): Sent => ({
  sent: new SentParameters(new URLSearchParams(query ?? '')),
  json: {},
})

const mediaType = ({ headers }: IncomingMessage): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''

const tooLarge = (): OAuthError =>
  invalidRequest(`the body is larger than ${MOST_BODY_BYTES} bytes`, { status: 413, headers: { Connection: 'close' } })

/** The whole body. It is counted as it arrives, so that chunked encoding cannot pass the limit. */
export function readBody(incoming: IncomingMessage): Promise<Buffer> {
  if (Number(incoming.headers['content-length'] ?? 0) > MOST_BODY_BYTES) return Promise.reject(tooLarge())
  // Node's own events are much cheaper than a stream or an iterator around them.
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
    // The caller hung up or was too slow: this is no defect.
    const onClose = () => {
      if (!incoming.readableEnded) reject(invalidRequest('the request ended before its body did'))
    }
    incoming.on('error', onClose)
    incoming.on('close', onClose)
    if (incoming.destroyed) onClose()
  })
}
