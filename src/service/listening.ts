/** The HTTP server of Node: its time limits, the place where it listens, and requests that arrive before the start is done. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { isIPv6 } from 'node:net'
import type { Config } from '../config/setting.ts'
import { Fault } from '../ground/errors.ts'
import { answerUnreadable } from './unreadable.ts'

/**
 * Slow requests end by these, in milliseconds. Both times begin with the first byte of a request, so that an idle
 * connection is not under them: `SIGNET_KEEP_ALIVE` ends it. A feed follower is kept alive by its heartbeat.
 */
const READING = {
  headersTimeout: 10_000,
  requestTimeout: 12_000,
  connectionsCheckingInterval: 500,
  maxHeaderSize: 16_384,
  // Node would refuse a request without Host by itself, without a word. The door judges it.
  requireHostHeader: false,
}
/** Without a byte in either direction while a request is answered. Node replaces it by the keep-alive time in between. */
const SOCKET_TIMEOUT_MS = 30_000
/**
 * How many connections the system keeps waiting. With a smaller number, a flood would make good clients try again after a
 * second.
 */
const BACKLOG = 2048

/** A server that does not listen yet. */
export const newServer = ({ keepAliveSeconds }: Pick<Config, 'keepAliveSeconds'>): Server =>
  createServer({ ...READING, keepAliveTimeout: keepAliveSeconds * 1000 })

interface Door {
  receive: RequestListener
  open(listener: RequestListener): void
}

/** Requests that arrive during the start wait for its end. */
export function closedDoor(): Door {
  let opened: RequestListener | undefined
  const waiting: [IncomingMessage, ServerResponse][] = []
  return {
    receive(incoming, outgoing) {
      if (opened) opened(incoming, outgoing)
      else waiting.push([incoming, outgoing])
    },
    open(listener) {
      opened = listener
      for (const [incoming, outgoing] of waiting.splice(0)) listener(incoming, outgoing)
    },
  }
}

/**
 * Binds the place of the configuration.
 * @throws Fault where it is taken, or is no place of this machine
 */
export async function listen(server: Server, config: Config, listener: RequestListener): Promise<void> {
  server.on('request', listener)
  server.setTimeout(SOCKET_TIMEOUT_MS)
  answerUnreadable(server)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(config, error)))
    server.listen({ port: config.port, host: config.host, backlog: BACKLOG }, resolve)
  })
}

/** Codes that blame the host; any other blames the port. */
const OF_HOST = ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL']

/** By the code of the failure. */
const HELP: Record<string, string> = {
  EADDRINUSE:
    'where Signet runs there already, stop it first: a second one on its database would serve it under another name; for another program, set SIGNET_PORT to a free port (SIGNET_PORT=0 picks one)',
  EACCES:
    'ports below 1024 need a privilege: set SIGNET_PORT to a higher one and let a proxy take this one, or give Node the capability CAP_NET_BIND_SERVICE',
}

function cannotListen({ host, port, setBy }: Config, error: NodeJS.ErrnoException): Fault {
  const isOfHost = OF_HOST.includes(error.code ?? '')
  const variable = isOfHost ? (setBy.host ?? 'SIGNET_HOST') : (setBy.port ?? 'SIGNET_PORT')
  const accepted = isOfHost ? 'an address or a name of this machine' : 'a port that is free, or 0, which picks one'
  const place = `${isIPv6(host) ? `[${host}]` : host}:${port}`
  return new Fault(
    `${variable}: read ${JSON.stringify(isOfHost ? host : String(port))}, but cannot listen on ${place} (${error.code}); accepted: ${accepted}`,
    HELP[error.code ?? ''] ?? 'set SIGNET_HOST and SIGNET_PORT to a free place; SIGNET_PORT=0 picks a port',
    { cause: error },
  )
}

/** The URL of this process on the same machine. An IPv6 address is in brackets there (RFC 3986 §3.2.2). */
export const localUrl = (host: string, port: number): string => {
  if (['127.0.0.1', '0.0.0.0', '::', '::1', 'localhost'].includes(host)) return `http://localhost:${port}`
  return `http://${isIPv6(host) ? `[${host.replace('%', '%25')}]` : host}:${port}`
}
