/** The issuer as a running service: it listens, runs its timetable, and stops in bounded time. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { isIPv6, type AddressInfo } from 'node:net'
import { createApp } from '../app.ts'
import { describeMissingSecrets } from '../declaration/applied.ts'
import { applyDeclaration, checkDeclaration } from '../declaration/apply.ts'
import { SteadyClock, systemClock, type Clock } from '../ground/clock.ts'
import type { Config } from '../config/config.ts'
import { isExposedHttp } from '../config/loopback.ts'
import type { Declaration } from '../declaration/file.ts'
import { Fault } from '../ground/errors.ts'
import { createFirstClient, type FirstClient } from './first-client.ts'
import { inviteFirstOperator } from './first-operator.ts'
import { rpIdOf, settleRpId } from './rp-id.ts'
import type { ShownLink } from '../users/registration.ts'
import { Connections } from './connections.ts'
import { answerUnreadable } from './unreadable.ts'
import { startHousekeeping } from './housekeeping.ts'
import { joinReplicas, type Membership } from './replicas.ts'
import type { Limits } from '../limits/limits.ts'
import { isFirstStart, openDatabase, type Opened } from '../database.ts'
import { localIssuer, wireIssuer, type Issuer } from '../issuer.ts'
import { KeyHolderNote } from '../keys/key-holder.ts'
import { idArgument } from '../keys/master-key.ts'
import { findLooseModes } from '../keys/master-key-source.ts'
import type { MasterKeys } from '../keys/master-keys.ts'
import { openLog, type Log } from '../ground/log.ts'

export interface RunningIssuer {
  /** The exact `iss`, and the URL of the service on this machine. */
  issuer: string
  url: string
  port: number
  /** Made at the very first start of a loopback issuer. Its secret is not kept. */
  firstClient: FirstClient | undefined
  /** The invitation of the first operator, made with the first client. */
  firstInvitation: ShownLink | undefined
  /** Readiness off, running requests finish, database closed; resolves within `STOP_WITHIN_MS` and a little. */
  stop(): Promise<void>
}

const STOP_WITHIN_MS = 10_000
/** Time for a request that is arriving when the stop begins. */
const LAST_REQUESTS_MS = 500

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
/** How many connections the system keeps waiting. In a flood, a smaller number would make good clients try again after a second. */
const BACKLOG = 2048

interface StartTerms {
  clock?: Clock
  log?: Log
  /** Starts although another domain makes every passkey useless. */
  losesPasskeys?: boolean
  /** Makes a new database although the keys folder belongs to another one. */
  isNewWanted?: boolean
}

/**
 * Starts the service.
 * @throws Fault where configuration, database, master key or port stand in the way.
 */
export async function startIssuer(
  config: Config,
  {
    clock: shown = systemClock,
    log = openLog({ level: config.logLevel, format: config.logFormat }),
    losesPasskeys = false,
    isNewWanted,
  }: StartTerms = {},
): Promise<RunningIssuer> {
  const clock = new SteadyClock(shown)
  // Read before anything is created, because a refused start leaves nothing behind.
  const declaration = config.configFile === undefined ? undefined : await readConfigFile(config.configFile)
  let limits: Limits | undefined
  const door = closedDoor()
  const server = createServer({ ...READING, keepAliveTimeout: config.keepAliveSeconds * 1000 })
  const connections = new Connections(server, {
    most: config.maxConnections,
    onClosed: () => limits?.noteClosedConnection(),
  })
  // The port is bound before a database is made, because a start that finds it taken leaves nothing behind. With port 0
  // the issuer's name depends on it as well.
  await listen(server, config, door.receive)
  let opened: Opened | undefined
  try {
    const { port } = server.address() as AddressInfo // bound to a TCP port, so it is no path
    const name = config.issuer ?? localIssuer(port)
    if (declaration && (await isFirstStart(config))) checkDeclaration(declaration, name)
    opened = await openDatabase(config, { clock, log, isNewWanted })
    const membership = await joinReplicas(opened.store, { issuer: name, port, log })
    const issuer = await wireIssuer(opened, name, config, { clock, log })
    await settleRpId(issuer.store, rpIdOf(config, name), losesPasskeys)
    await issuer.store.putSetting('issuer', issuer.issuer)
    const keyHolder = new KeyHolderNote(issuer.store, issuer.masterKeys)
    await keyHolder.tend()
    remarkOn(issuer)
    if (declaration) await declare(declaration, issuer, log)
    const firsts = await makeFirsts(issuer)
    const pace = membership ? new SteadyClock(issuer.clock) : clock
    const stopHousekeeping = startHousekeeping({ ...issuer, keyHolder, beat: membership?.beat }, pace)
    const stopWatching = issuer.limits.watch()
    limits = issuer.limits
    issuer.setReady(true)
    door.open(createApp(issuer))
    const url = localUrl(config.host, port)
    log.info(`Signet serves ${issuer.issuer}`, { url })
    return {
      issuer: issuer.issuer,
      url,
      port,
      ...firsts,
      stop: once(async () => {
        await stop(issuer, { server, connections, stopHousekeeping, membership })
        stopWatching()
      }),
    }
  } catch (error) {
    door.open((_incoming, outgoing) => void outgoing.writeHead(503).end())
    server.close()
    server.closeAllConnections()
    await opened?.store.close()
    throw error
  }
}

/** The first client, and with it the invitation of the first operator. */
async function makeFirsts(issuer: Issuer): Promise<Pick<RunningIssuer, 'firstClient' | 'firstInvitation'>> {
  const firstClient = await createFirstClient(issuer)
  return { firstClient, firstInvitation: firstClient && (await inviteFirstOperator(issuer)) }
}

interface Door {
  receive: RequestListener
  open(listener: RequestListener): void
}

/** Requests that arrive during the start wait for its end. */
function closedDoor(): Door {
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

/** Applies the declarative file, and logs its changes: it may have replaced values that a command has set since. */
async function declare(declaration: Declaration, issuer: Issuer, log: Log): Promise<void> {
  const applied = await applyDeclaration(declaration, issuer, { dryRun: false })
  const { created, changed, ended = [], conflicts = [] } = applied
  for (const { kind, id } of created) log.info(`the declarative file made a ${kind}`, { reason: id })
  for (const { kind, id, fields } of changed)
    log.info(`the declarative file changed a ${kind}`, { reason: `${id}: ${fields.join(', ')}` })
  for (const { place, fix } of ended)
    log.error('the declarative file names what an operator ended: it stays ended', { reason: `${place}: ${fix}` })
  for (const { place, fix } of conflicts)
    log.error('the declarative file is at odds with a record: that one is left', { reason: `${place}: ${fix}` })
  for (const missing of describeMissingSecrets(applied)) log.warn(missing)
  for (const { id, ended_grants: grants } of created)
    if (grants) log.warn('a new client takes the name of a person, whose grants end', { reason: `${id}: ${grants}` })
}

/** Everything that is accepted at a start, and that an operator should see to. */
function remarkOn({ issuer, masterKeys, config, log }: Issuer): void {
  for (const { warning } of findLooseModes(config)) log.warn(warning)
  if (config.unserved.length > 0) log.warn(config.unserved.join('; '))
  warnOfUnused(masterKeys, log)
  remarkOnName(issuer, log)
}

/** Properties of the issuer URL that are accepted, and that an operator may not have meant. */
function remarkOnName(issuer: string, log: Log): void {
  if (isExposedHttp(new URL(issuer)))
    log.warn(
      `the issuer ${issuer} is plain http on a name that is not this machine: anybody on the way can read and replace passwords, tokens and keys, and browsers give it no passkeys; SIGNET_ALLOW_HTTP is for development alone`,
    )
  if (issuer.endsWith('/'))
    log.info(
      `the issuer ${issuer} ends with a slash, which is part of iss: every verifier names it with the slash, or refuses the tokens`,
    )
}

/** A change of the master key that was not finished, and keys that should have left their place. */
function warnOfUnused(masterKeys: MasterKeys, log: Log): void {
  for (const { id, status, isHere } of masterKeys.list()) {
    if (status === 'new' && isHere)
      log.warn(
        `master key ${id} is not used: signet master-key use ${idArgument(id)}, or signet master-key retire ${idArgument(id)}`,
      )
    if (status === 'retired' && isHere)
      log.warn(`master key ${id} is retired and still in its place: signet master-key retire ${idArgument(id)}`)
  }
}

/** The parser and the schemas are loaded only where there is such a file. */
async function readConfigFile(file: string): Promise<Declaration> {
  const { readDeclaration } = await import('../declaration/file.ts')
  return readDeclaration(file, process.env, 'SIGNET_CONFIG')
}

async function listen(server: Server, config: Config, listener: RequestListener): Promise<void> {
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

function cannotListen({ host, port, setBy }: Config, error: NodeJS.ErrnoException): Fault {
  const isOfHost = OF_HOST.includes(error.code ?? '')
  const variable = isOfHost ? (setBy.host ?? 'SIGNET_HOST') : (setBy.port ?? 'SIGNET_PORT')
  const accepted = isOfHost ? 'an address or a name of this machine' : 'a port that is free, or 0, which picks one'
  const place = `${isIPv6(host) ? `[${host}]` : host}:${port}`
  return new Fault(
    `${variable}: read ${JSON.stringify(isOfHost ? host : String(port))}, but cannot listen on ${place} (${error.code}); accepted: ${accepted}`,
    'set SIGNET_HOST and SIGNET_PORT to a free place; SIGNET_PORT=0 picks a port',
    { cause: error },
  )
}

/** The URL of this process on the same machine. An IPv6 address is in brackets there (RFC 3986 §3.2.2). */
const localUrl = (host: string, port: number): string => {
  if (['127.0.0.1', '0.0.0.0', '::', '::1', 'localhost'].includes(host)) return `http://localhost:${port}`
  return `http://${isIPv6(host) ? `[${host.replace('%', '%25')}]` : host}:${port}`
}

interface Machinery {
  server: Server
  connections: Connections
  stopHousekeeping: () => Promise<void>
  membership: Membership | undefined
}

async function stop(issuer: Issuer, { server, connections, stopHousekeeping, membership }: Machinery): Promise<void> {
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
  // Others wait for a replica that may be alive, and need not wait for this one.
  await membership?.leave().catch(() => {})
  await issuer.close()
  issuer.log.info('stopped')
}

/** A second call gets the promise of the first. */
function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => (running ??= work())
}
