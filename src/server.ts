/** The issuer as a running service: listens, keeps its timetable, stops in bounded time. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { createApp } from './app.ts'
import { applyDeclaration } from './apply.ts'
import { systemClock, type Clock } from './clock.ts'
import type { Config } from './config.ts'
import { readDeclaration } from './declaration.ts'
import { Fault } from './errors.ts'
import { createFirstClient, type FirstClient } from './first-client.ts'
import { startHousekeeping } from './housekeeping.ts'
import { localIssuer, openDatabase, wireIssuer, type Issuer } from './issuer.ts'
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
    config.configFile === undefined ? undefined : await readDeclaration(config.configFile, process.env)
  const opened = await openDatabase(config, { clock, log })
  let server: Server | undefined
  try {
    let app: ReturnType<typeof createApp> | undefined
    // The port is known only once it is bound, and with port 0 the issuer's name depends on it.
    server = await listen(
      config,
      getRequestListener((request, env) => app?.fetch(request, env) ?? new Response(null, { status: 503 })),
    )
    const { port } = server.address() as AddressInfo // bound to a TCP port, so it is no path
    const issuer = await wireIssuer(opened, config.issuer ?? localIssuer(port), config, { clock, log })
    await issuer.store.putSetting('issuer', issuer.issuer)
    if (declaration) await applyDeclaration(declaration, issuer, { dryRun: false })
    const firstClient = await createFirstClient(issuer)
    const stopHousekeeping = startHousekeeping(issuer)
    app = createApp(issuer)
    issuer.setReady(true)
    const url = localUrl(config.host, port)
    log.info(`Signet serves ${issuer.issuer}`, { url })
    const listening = server
    return {
      issuer: issuer.issuer,
      url,
      port,
      firstClient,
      stop: once(() => stop(issuer, listening, stopHousekeeping)),
    }
  } catch (error) {
    server?.close()
    await opened.store.close()
    throw error
  }
}

async function listen(config: Config, listener: ReturnType<typeof getRequestListener>): Promise<Server> {
  const server = createServer(TIMEOUTS, (incoming, outgoing) => void listener(incoming, outgoing))
  server.setTimeout(SOCKET_TIMEOUT_MS)
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

async function stop(issuer: Issuer, server: Server, stopHousekeeping: () => Promise<void>): Promise<void> {
  issuer.log.info('stopping: running requests are finished')
  issuer.setReady(false)
  const closed = new Promise((resolve) => server.close(resolve))
  const closeIdle = setInterval(() => server.closeIdleConnections(), 50)
  const closeAll = setTimeout(() => server.closeAllConnections(), STOP_WITHIN_MS)
  await closed
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
