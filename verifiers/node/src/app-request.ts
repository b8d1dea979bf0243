/** A request to the app as the sign-in reads it, whatever the framework. */
import type { IncomingRequest } from './incoming-request.ts'
import { SignInFault } from './sign-in-fault.ts'

export interface AppRequest extends IncomingRequest {
  /** The body, if it is a form. @throws SignInFault `invalid_request` */
  form(): Promise<URLSearchParams>
}

const MOST_BODY_BYTES = 65_536

/** The path of a target, as the request has it. */
export const pathOf = (target: string): string => target.split(/[?#]/, 1)[0] ?? ''

export function queryOf(request: IncomingRequest): URLSearchParams {
  const target = request.target()
  const at = target.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : target.slice(at + 1))
}

/**
 * A parameter that may come once.
 * @throws SignInFault if it comes twice: two readers could take different values
 */
export function onlyOne(parameters: URLSearchParams, name: string): string | undefined {
  const values = parameters.getAll(name)
  if (values.length > 1) throw new SignInFault('invalid_request', `${name} comes ${values.length} times`)
  return values[0] === '' ? undefined : values[0]
}

/** @throws SignInFault */
export function requireForm(contentType: string | undefined): void {
  if (contentType?.split(';', 1)[0]?.trim().toLowerCase() !== 'application/x-www-form-urlencoded')
    throw new SignInFault('invalid_request', 'send a form: Content-Type application/x-www-form-urlencoded')
}

/** Reads a body that no framework has read. @throws SignInFault if it is too large */
export async function readForm(chunks: AsyncIterable<Uint8Array>): Promise<URLSearchParams> {
  const read: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.byteLength
    if (bytes > MOST_BODY_BYTES)
      throw new SignInFault('invalid_request', `the form has more than ${MOST_BODY_BYTES} bytes`)
    read.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(read).toString('utf8'))
}

/** A body that a parser of the framework has read: text, bytes, or an object of texts. */
export function formOf(body: unknown): URLSearchParams {
  if (typeof body === 'string') return new URLSearchParams(body)
  if (body instanceof Uint8Array) return new URLSearchParams(Buffer.from(body).toString('utf8'))
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(body ?? {}))
    for (const each of Array.isArray(value) ? (value as unknown[]) : [value])
      if (typeof each === 'string') form.append(name, each)
  return form
}
