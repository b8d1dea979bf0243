/**
 * How the answer reaches the client: by which `response_mode`, and with which `state`. The redirect URI is proven before
 * any of this is read.
 */
import { textIn } from '../ground/jwt-part.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { ClientAddress } from './answer-client.ts'

/** The parameters as they were sent. */
export interface Sent {
  /** The first value that is not empty. */
  get(name: string): string | undefined
  /** Every value that is not empty. */
  all(name: string): string[]
  /** Names that were sent more than once. */
  repeated(): string[]
}

export const RESPONSE_MODES = ['query', 'fragment', 'form_post'] as const

/**
 * The length of a request as it is kept. Anybody can begin sign-ins, and each is kept for an hour. A URL behind most
 * proxies is no longer.
 */
export const MOST_KEPT_CHARACTERS = 8192

const knownMode = (text: string | undefined): ClientAddress['responseMode'] | undefined =>
  RESPONSE_MODES.find((each) => each === text)

/** A value that was sent twice, or is too long, is no value: the answer goes by the query, without `state`. */
export function addressOf(sent: Sent, { clientId }: ClientRecord, redirectUri: string): ClientAddress {
  const only = (name: string) => {
    const [value, another] = sent.all(name)
    return another === undefined && (value?.length ?? 0) <= MOST_KEPT_CHARACTERS ? value : undefined
  }
  return {
    clientId,
    redirectUri,
    responseMode: knownMode(only('response_mode')) ?? 'query',
    state: only('state') ?? null,
  }
}

/** A signed or unsigned JWT: three parts of base64url. */
const JWT_PAYLOAD = /^[\w-]+\.([\w-]+)\.[\w-]*$/

/**
 * The address at which a request object is refused. The object is unverified, but anybody could send the same two values
 * as parameters, and without them the client would not know its own answer. Parameters win, sent twice as well.
 */
export function addressInObject(object: string, sent: Sent, to: ClientAddress): ClientAddress {
  const payload = object.length > MOST_KEPT_CHARACTERS ? undefined : JWT_PAYLOAD.exec(object)?.[1]
  const inside = (name: string) => (sent.all(name).length > 0 ? undefined : textIn(payload, name))
  return {
    ...to,
    responseMode: knownMode(inside('response_mode')) ?? to.responseMode,
    state: inside('state') || to.state,
  }
}
