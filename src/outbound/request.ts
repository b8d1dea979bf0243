/**
 * Every request that Signet sends. It goes to a public address or to a host that the operator named, over https (http to
 * this machine alone). The name is resolved once, and the connection is made to the address that was checked. Redirects
 * are not followed. Time and size are bounded.
 */
import { lookup, type LookupAddress } from 'node:dns'
import {
  request as sendHttp,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http'
import { request as sendHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { isLoopback } from '../config/loopback.ts'
import { isPublicAddress, type AllowedHosts } from './allowed.ts'
import { findAddresses } from './names.ts'

const WITHIN_MS = 5000
const MOST_BYTES = 65_536

export interface OutboundRequest {
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body?: string
}

export interface OutboundAnswer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

/** A request that was not sent, or got no whole answer in time. The message names no secret. */
class OutboundFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'OutboundFault'
  }
}

/** The address may not be asked from this process: it is private, and SIGNET_OUTBOUND_ALLOW does not name its host here. */
export class AddressRefused extends OutboundFault {}

/** @throws OutboundFault, `AddressRefused` where the address may not be asked */
export async function sendOutbound(
  address: string,
  { method, headers, body }: OutboundRequest,
  allowed: AllowedHosts,
): Promise<OutboundAnswer> {
  if (!URL.canParse(address)) throw new OutboundFault('the address is no URL')
  const url = new URL(address)
  const fault = allowed.faultOf(url)
  if (fault !== undefined) throw new AddressRefused(fault)
  const signal = AbortSignal.timeout(WITHIN_MS)
  const options: RequestOptions = {
    method,
    headers: { ...headers, ...(body !== undefined && { 'Content-Length': String(Buffer.byteLength(body)) }) },
    agent: false,
    signal,
    lookup: allowed.has(url) ? lookUpNamed : lookUpAmong(await findPublicAddresses(url)),
  }
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(error instanceof OutboundFault ? error : new OutboundFault(signal.aborted ? LATE : error.message))
    const send = url.protocol === 'https:' ? sendHttps : sendHttp
    const sent: ClientRequest = send(url, options, (incoming) => void readAnswer(incoming).then(resolve, fail))
    sent.on('error', fail)
    sent.end(body)
  })
}

/** Also of an answer that began in time: how it breaks off then is different each time. */
const LATE = `no answer within ${WITHIN_MS / 1000} s`

async function readAnswer(incoming: IncomingMessage): Promise<OutboundAnswer> {
  const chunks: Buffer[] = []
  let bytes = 0
  // Sound: no encoding is set, so the stream gives buffers.
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MOST_BYTES) throw new OutboundFault(`the answer is larger than ${MOST_BYTES} bytes`)
    chunks.push(chunk)
  }
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks).toString('utf8') }
}

/** The names below `localhost` are this machine (RFC 6761 §6.3), also where the system's resolver does not know it. */
const lookUpNamed: LookupFunction = (hostname, options, done) =>
  lookup(hostname.endsWith('.localhost') ? 'localhost' : hostname, options, done)

/** The addresses of a host, where all of them are public, so that none can be chosen that is not. */
async function findPublicAddresses({ hostname }: URL): Promise<LookupAddress[]> {
  const literal = hostname.replace(/^\[|\]$/g, '')
  const family = isIP(literal)
  if (family !== 0 && !isPublicAddress(literal)) throw new AddressRefused('its address is private')
  if (family !== 0) return [{ address: literal, family }]
  const addresses = isLoopback(hostname) ? [] : await findAddresses(hostname).catch(refuseName)
  const isPublic = addresses.length > 0 && addresses.every(({ address }) => isPublicAddress(address))
  if (!isPublic) throw new AddressRefused('its name leads to a private address')
  return addresses
}

function refuseName(error: Error): never {
  throw new OutboundFault(error.message)
}

/** A connection goes to the addresses that were checked. */
const lookUpAmong =
  (addresses: LookupAddress[]): LookupFunction =>
  (_hostname, options, done) => {
    if (options.all) return done(null, addresses)
    const [first] = addresses
    done(null, first?.address ?? '', first?.family)
  }
