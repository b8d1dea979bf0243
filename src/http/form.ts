/** The body of a request, read once, within bounds, into parameters (RFC 6749 §3.2, appendix B). */
import type { Context } from 'hono'
import { invalidRequest, type OAuthError } from '../errors.ts'
import type { Env } from './rooms.ts'

const MOST_BODY_BYTES = 65_536
const MOST_PAIRS = 100

/** Parameters by name. A parameter without a value counts as absent (RFC 6749 §3.2). */
export class Parameters {
  readonly #values: Map<string, string[]>

  constructor(values: Map<string, string[]>) {
    this.#values = values
  }

  /** @throws OAuthError `invalid_request` where it was sent twice. */
  get(name: string): string | undefined {
    const values = this.#values.get(name)
    if (values && values.length > 1) throw invalidRequest(`${name} was sent ${values.length} times; once is right`)
    return values?.[0]
  }

  /** @throws OAuthError `invalid_request` naming the parameter where it is absent. */
  require(name: string): string {
    const value = this.get(name)
    if (value === undefined) throw invalidRequest(`${name} is missing`)
    return value
  }

  /** Every value of a parameter that may repeat, in order. */
  all(name: string): string[] {
    return this.#values.get(name) ?? []
  }
}

/** Reads a form body. @throws OAuthError `invalid_request` */
export async function readForm(c: Context<Env>): Promise<Parameters> {
  if (mediaType(c) !== 'application/x-www-form-urlencoded') {
    throw invalidRequest('send the parameters as a form body: Content-Type: application/x-www-form-urlencoded')
  }
  return parseForm((await readBody(c)).toString('utf8'))
}

/** Reads a form or, by its content type, a JSON object with the same members. */
export async function readFormOrJson(c: Context<Env>): Promise<Parameters> {
  if (mediaType(c) !== 'application/json') return readForm(c)
  const values = new Map<string, string[]>()
  for (const [name, value] of Object.entries(await readJsonObject(c))) {
    const texts = [value].flat().filter((each) => each !== null && each !== '')
    if (!texts.every((each) => typeof each === 'string'))
      throw invalidRequest('every member of the JSON body is a string')
    if (texts.length > 0) values.set(name, texts)
  }
  return new Parameters(values)
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

function parseForm(text: string): Parameters {
  const values = new Map<string, string[]>()
  let pairs = 0
  for (const [name, value] of new URLSearchParams(text)) {
    pairs += 1
    if (pairs > MOST_PAIRS) throw invalidRequest(`the body has more than ${MOST_PAIRS} parameters`)
    if (value === '') continue
    const present = values.get(name)
    if (present) present.push(value)
    else values.set(name, [value])
  }
  return new Parameters(values)
}

const mediaType = (c: Context<Env>): string =>
  (c.req.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''

const tooLarge = (): OAuthError =>
  invalidRequest(`the body is larger than ${MOST_BODY_BYTES} bytes`, { status: 413, headers: { Connection: 'close' } })

/** The whole body; counted as it comes, so that chunked encoding cannot pass the limit. */
async function readBody(c: Context<Env>): Promise<Buffer> {
  if (Number(c.req.header('content-length') ?? 0) > MOST_BODY_BYTES) throw tooLarge()
  // Node's own stream is much faster to read than the web stream that would be wrapped around it.
  const incoming = c.env.incoming
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of incoming) {
      const piece = Buffer.from(chunk as Uint8Array) // both streams are of bytes
      bytes += piece.length
      if (bytes > MOST_BODY_BYTES) throw tooLarge()
      chunks.push(piece)
    }
  } catch (error) {
    // A caller that hangs up in the middle, or is too slow: no defect of ours.
    if (incoming.errored === error) throw invalidRequest('the request ended before its body did')
    throw error
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
}
