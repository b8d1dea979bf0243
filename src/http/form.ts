/** The body of a request, read once, within bounds, into parameters (RFC 6749 §3.2, appendix B). */
import type { Context } from 'hono'
import { invalidRequest, type OAuthError } from '../ground/errors.ts'
import type { KnownParameters } from './parameters.ts'
import type { Env } from './rooms.ts'

const MOST_BODY_BYTES = 65_536
const MOST_PAIRS = 100

/** Known parameters by name. One without a value counts as absent, one that is not known is ignored (RFC 6749 §3.2). */
export class Parameters<Name extends string> {
  readonly #values: Map<string, string[]>

  /** @throws OAuthError `invalid_request` where one was sent twice that may be sent once. */
  constructor(values: Map<string, string[]>, known: KnownParameters) {
    for (const [name, { length }] of values) {
      if (length > 1 && known[name] === 'once') throw invalidRequest(`${name} was sent ${length} times; once is right`)
    }
    this.#values = values
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

/** Reads a form or, by its content type, a JSON object with the same members. */
export async function readFormOrJson<Name extends string>(
  c: Context<Env>,
  known: KnownParameters<Name>,
): Promise<Parameters<Name>> {
  if (mediaType(c) !== 'application/json') return readForm(c, known)
  const values = new Map<string, string[]>()
  for (const [name, value] of Object.entries(await readJsonObject(c))) {
    if (!Object.hasOwn(known, name)) continue
    const texts = [value].flat().filter((each) => each !== null && each !== '')
    if (!texts.every((each) => typeof each === 'string'))
      throw invalidRequest('every member of the JSON body is a string')
    if (texts.length > 0) values.set(name, texts)
  }
  return new Parameters<Name>(values, known)
}

/** Reads a JSON object, whatever its members. @throws OAuthError `invalid_request` */
export async function readJsonObject(c: Context<Env>): Promise<Record<string, unknown>> {
  if (mediaType(c) !== 'application/json') throw invalidRequest('send a JSON body: Content-Type: application/json')
  const text = (await readBody(c)).toString('utf8')
  try {
    const value: unknown = JSON.parse(text)
    if (value && typeof value === 'object' && !Array.isArray(value)) return { ...value }
  } catch {
    // told below: the parser's words would repeat the caller's input
  }
  throw invalidRequest('the body is not a JSON object')
}

function parseForm<Name extends string>(text: string, known: KnownParameters<Name>): Parameters<Name> {
  const values = new Map<string, string[]>()
  let pairs = 0
  for (const [name, value] of new URLSearchParams(text)) {
    pairs += 1
    if (pairs > MOST_PAIRS) throw invalidRequest(`the body has more than ${MOST_PAIRS} parameters`)
    if (value === '' || !Object.hasOwn(known, name)) continue
    const present = values.get(name)
    if (present) present.push(value)
    else values.set(name, [value])
  }
  return new Parameters<Name>(values, known)
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
