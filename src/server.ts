/** The issuer as a running service: listens, keeps its timetable, stops in bounded time. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { createApp } from './app.ts'
import { applyDeclaration } from './apply.ts'
import { systemClock, type Clock } from './clock.ts'
import type { Config } from './config.ts'
import { readDeclaration } from './declaration.ts'
import { Fault } from './errors.ts'
import { createFirstClient, type FirstClient } from './first-client.ts'
import { answerNoUrl, answerUnreadable } from './http/unreadable.ts'
import { startHousekeeping } from './housekeeping.ts'
import { localIssuer, openDatabase, wireIssuer, type Issuer, type Opened } from './issuer.ts'
import { openLog, type Log } from './log.ts'

export interface RunningIssuer {
  /** The exact `iss`, and where it is reached on this machine. */
  issuer: string
  url: string
  port: number
  /** Made on the very first start of a loopback issuer; its secret is not kept. */
  firstClient: FirstClient | undefined
  /** Readiness off, running requests finish, database closed; resolves within `STOP_WITHIN_MS` and a little. */
  stop(): Promise<void>
}

const STOP_WITHIN_MS = 10_000
/** Time for a request that is on its way when the stop begins. */
const LAST_REQUESTS_MS = 500

/** Slow and idle connections end by these; a feed follower is kept alive by its heartbeat. Milliseconds. */
const TIMEOUTS = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16_384,
}
const SOCKET_TIMEOUT_MS = 30_000

/**
 * Starts the service.
 * @throws Fault where configuration, database, master key or port stand in the way.
 */
export async function startIssuer(
  config: Config,
  {
    clock = systemClock,
    log = openLog({ level: config.logLevel, format: config.logFormat }),
  }: { clock?: Clock; log?: Log } = {},
): Promise<RunningIssuer> {
  // Read before anything is created: a mistake in it must leave nothing behind.
  const declaration =
    config.configFile === undefined ? undefined : await readDeclaration(config.configFile, process.env, 'SIGNET_CONFIG')
  let answer: ReturnType<typeof createApp> | undefined
  // Bound before a database is made, since a taken port must leave nothing behind either; and with port 0
  // the issuer's name depends on it.
  const server = await listen(
    config,
    // The server below speaks HTTP/1 alone, so the bindings are of that kind.
    getRequestListener(
      (request, env) => answer?.(request, env as HttpBindings) ?? new Response(null, { status: 503 }),
      {
        errorHandler: answerNoUrl,
      },
    ),
  )
  const connections = trackConnections(server)
  let opened: Opened | undefined
  try {
    opened = await openDatabase(config, { clock, log })
    const { port } = server.address() as AddressInfo // bound to a TCP port, so it is no path
    const issuer = await wireIssuer(opened, config.issuer ?? localIssuer(port), config, { clock, log })
    await issuer.store.putSetting('issuer', issuer.issuer)
    if (declaration) await applyDeclaration(declaration, issuer, { dryRun: false })
    const firstClient = await createFirstClient(issuer)
    const stopHousekeeping = startHousekeeping(issuer)
    answer = createApp(issuer)
    issuer.setReady(true)
    const url = localUrl(config.host, port)
    log.info(`Signet serves ${issuer.issuer}`, { url })
    return {
      issuer: issuer.issuer,
      url,
      port,
      firstClient,
      stop: once(() => stop(issuer, { server, connections, stopHousekeeping })),
    }
  } catch (error) {
    server.close()
    server.closeAllConnections()
    await opened?.store.close()
    throw error
  }
}

async function listen(config: Config, listener: ReturnType<typeof getRequestListener>): Promise<Server> {
  const server = createServer(TIMEOUTS, (incoming, outgoing) => void listener(incoming, outgoing))
  server.setTimeout(SOCKET_TIMEOUT_MS)
  answerUnreadable(server)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const place = `${config.host}:${config.port}`
      reject(
        new Fault(
          `cannot listen on ${place} (${error.code})`,
          'set SIGNET_HOST and SIGNET_PORT to a free place; SIGNET_PORT=0 picks a port',
          { cause: error },
        ),
      )
    })
    server.listen(config.port, config.host, resolve)
  })
  return server
}

/** Where this process is reached from the same machine. */
const localUrl = (host: string, port: number): string => {
  const shown = ['127.0.0.1', '0.0.0.0', '::', '::1', 'localhost'].includes(host) ? 'localhost' : host
  return `http://${shown}:${port}`
}

interface Connections {
  /** Tells those who are being answered to come back elsewhere (RFC 9112 §9.6). */
  announceEnd(): void
  /** Closes the connections that wait for no answer: Node counts one with half a request, or none yet, among the busy. */
  closeSilent(): void
}

/** Watches which connections are being answered. */
function trackConnections(server: Server): Connections {
  const open = new Set<Socket>()
  const running = new Set<ServerResponse>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  // One function for all, since this is done for every request.
  function forget(this: ServerResponse): void {
    running.delete(this)
  }
  server.on('request', (_incoming, outgoing) => {
    running.add(outgoing)
    outgoing.on('close', forget)
  })
  return {
    announceEnd() {
      for (const answer of running) answer.shouldKeepAlive = false
    },
    closeSilent() {
      const answered = new Set([...running].map(({ socket }) => socket))
      for (const socket of open) if (!answered.has(socket)) socket.destroy()
    },
  }
}

interface Machinery {
  server: Server
  connections: Connections
  stopHousekeeping: () => Promise<void>
}

async function stop(issuer: Issuer, { server, connections, stopHousekeeping }: Machinery): Promise<void> {
  issuer.log.info('stopping: running requests are finished')
  issuer.setReady(false)
  connections.announceEnd()
  const closed = new Promise((resolve) => server.close(resolve))
  const closeIdle = setInterval(() => server.closeIdleConnections(), 50)
  const endSilence = setTimeout(() => connections.closeSilent(), LAST_REQUESTS_MS)
  const closeAll = setTimeout(() => server.closeAllConnections(), STOP_WITHIN_MS)
  await closed
  clearTimeout(endSilence)
  clearInterval(closeIdle)
  clearTimeout(closeAll)
  await stopHousekeeping()
  await issuer.close()
  issuer.log.info('stopped')
}

/** A second signal joins the stop that is under way. */
function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => (running ??= work())
}
