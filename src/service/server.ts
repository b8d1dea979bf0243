/** The issuer as a running service: it listens, runs its timetable, and stops in bounded time. */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createApp } from '../app.ts'
import { describeGrantsByRedirect, describeMissingSecrets } from '../declaration/applied.ts'
import { applyDeclaration, checkDeclaration } from '../declaration/apply.ts'
import { systemClock, type Clock } from '../ground/clock.ts'
import type { Config } from '../config/setting.ts'
import { isExposedHttp } from '../config/loopback.ts'
import { UNPROVEN_DOMAINS, takesUnprovenDomains } from '../config/sign-up.ts'
import type { Declaration } from '../declaration/declaration.ts'
import { createFirstClient, noteFirstStart, type FirstClient } from './first-client.ts'
import { inviteFirstOperator } from './first-operator.ts'
import { requireSameDomain, rpIdOf } from './rp-id.ts'
import type { ShownLink } from '../users/link.ts'
import { Connections } from './connections.ts'
import { mostConnections, tellRefusedConnections } from './file-limit.ts'
import { startHousekeeping, warnOfClockBehind } from './housekeeping.ts'
import { closedDoor, listen, localUrl, newServer } from './listening.ts'
import { joinReplicas } from './replicas.ts'
import type { Limits } from '../limits/limits.ts'
import { isFirstStart, openDatabase } from '../database.ts'
import { localIssuer, wireIssuer, type Issuer } from '../issuer.ts'
import { KeyHolderNote } from '../keys/key-holder.ts'
import { idArgument } from '../keys/master-key.ts'
import { findLooseModes } from '../keys/master-key-source.ts'
import type { MasterKeys } from '../keys/master-keys.ts'
import { openLog, type Log } from '../ground/log.ts'
import { newServerName } from '../ground/process-name.ts'

export interface RunningIssuer {
  /** The exact `iss`, and the URL of the service on this machine. */
  issuer: string
  url: string
  port: number
  /** Made at the very first start of a loopback issuer. Its secret is not kept. */
  firstClient: FirstClient | undefined
  /** The invitation of the first operator, made with the first client. */
  firstInvitation: ShownLink | undefined
  /**
   * Readiness off, running requests finish, database closed. Connections end within `STOP_WITHIN_MS`, requests whose callers
   * have left get `LAST_WORK_MS` more, and a write that is under way is waited for.
   */
  stop(): Promise<void>
}

const STOP_WITHIN_MS = 10_000
/** Time for a request that is arriving when the stop begins. */
const LAST_REQUESTS_MS = 500
/** Time for requests whose callers have left. An outbound request takes 5 s at most, an act of the database 2 s. */
const LAST_WORK_MS = 8000

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
    clock = systemClock,
    log = openLog({ level: config.logLevel, format: config.logFormat }),
    losesPasskeys = false,
    isNewWanted,
  }: StartTerms = {},
): Promise<RunningIssuer> {
  // Read before anything is created, because a refused start leaves nothing behind.
  const declaration = config.configFile === undefined ? undefined : await readConfigFile(config.configFile)
  let limits: Limits | undefined
  const door = closedDoor()
  const server = newServer(config)
  const connections = new Connections(server, {
    most: mostConnections(config, log),
    onClosed: () => limits?.noteClosedConnection(),
  })
  // The port is bound before a database is made, because a start that finds it taken leaves nothing behind. With port 0
  // the issuer's name depends on it as well.
  await listen(server, config, door.receive)
  tellRefusedConnections(server, log)
  const begun = new AsyncDisposableStack()
  try {
    const { port } = server.address() as AddressInfo // bound to a TCP port, so it is no path
    const name = config.issuer ?? localIssuer(port)
    if (declaration && (await isFirstStart(config))) checkDeclaration(declaration, name)
    const facts = { name, port, declaration, losesPasskeys, isNewWanted, clock, log }
    const { issuer, firsts } = await bringUp(config, facts, begun)
    begun.defer(issuer.limits.watch())
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
        await stopServing(issuer, server, connections)
        await begun.disposeAsync()
        log.info('stopped')
      }),
    }
  } catch (error) {
    door.open((_incoming, outgoing) => void outgoing.writeHead(503).end())
    server.close()
    server.closeAllConnections()
    await begun.disposeAsync()
    throw error
  }
}

interface StartFacts {
  /** The issuer URL. */
  name: string
  port: number
  declaration: Declaration | undefined
  losesPasskeys: boolean
  isNewWanted: boolean | undefined
  clock: Clock
  log: Log
}

/**
 * Everything between a free port and the first request.
 * @param begun gets the end of each thing that is begun, so that a stop and a start that fails end the same things
 */
async function bringUp(config: Config, facts: StartFacts, begun: AsyncDisposableStack) {
  const { name, port, isNewWanted, clock, log } = facts
  const opened = await openDatabase(config, { clock, log, isNewWanted })
  begun.defer(() => opened.store.close())
  await warnOfClockBehind(opened.store, log)
  const names = { issuer: name, rp_id: rpIdOf(config, name) }
  const serverName = newServerName(port)
  const { before, membership, giveBack } = await joinReplicas(opened.store, { names, name: serverName, log })
  // Others wait for a replica that may be alive, and need not wait for this one.
  begun.defer(() => membership?.leave().catch(() => {}))
  try {
    await noteFirstStart(opened.store, { isServedBefore: before.issuer !== undefined })
    const issuer = await wireIssuer(opened, name, config, { log, formerIssuer: before.issuer })
    begun.defer(issuer.finish)
    if (!facts.losesPasskeys) await requireSameDomain(issuer.store, before.rp_id, names.rp_id)
    const keyHolder = await KeyHolderNote.begin(issuer.store, issuer.masterKeys, serverName)
    // The note ends by itself, later.
    begun.defer(() => keyHolder.forget().catch(() => {}))
    remarkOn(issuer)
    const firsts = await fill(issuer, facts)
    begun.defer(startHousekeeping({ ...issuer, keyHolder, beat: membership?.beat }))
    return { issuer, firsts }
  } catch (error) {
    // The first error is the cause, so an error of the end is not told.
    await giveBack().catch(() => {})
    throw error
  }
}

/** Applies the declarative file, and makes the first client where this is the first start. */
async function fill(issuer: Issuer, { declaration, log }: Pick<StartFacts, 'declaration' | 'log'>) {
  if (declaration) await declare(declaration, issuer, log)
  return makeFirsts(issuer)
}

/** The first client, and with it the invitation of the first operator. */
async function makeFirsts(issuer: Issuer): Promise<Pick<RunningIssuer, 'firstClient' | 'firstInvitation'>> {
  const firstClient = await createFirstClient(issuer)
  return { firstClient, firstInvitation: firstClient && (await inviteFirstOperator(issuer)) }
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
  for (const assumed of describeGrantsByRedirect(applied)) log.warn(assumed)
  for (const { id, ended_grants: grants, disabled_user: isUserDisabled } of created) {
    if (isUserDisabled) log.warn('a new client takes the id of a user, who is disabled now', { reason: id })
    if (grants) log.warn('a new client takes the name of a person, whose grants end', { reason: `${id}: ${grants}` })
  }
}

/** Everything that is accepted at a start, and that an operator should see to. */
function remarkOn({ issuer, masterKeys, config, log }: Issuer): void {
  for (const { warning } of findLooseModes(config)) log.warn(warning)
  if (config.unserved.length > 0) log.warn(config.unserved.join('; '))
  if (takesUnprovenDomains(config)) log.warn(`${UNPROVEN_DOMAINS.found}; ${UNPROVEN_DOMAINS.fix}`)
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

/** Closes the door. Resolves when every connection is closed and every request has ended. */
async function stopServing(issuer: Issuer, server: Server, connections: Connections): Promise<void> {
  issuer.log.info('stopping: running requests are finished')
  issuer.setReady(false)
  connections.announceEnd()
  // Apps are told no more from here: what is owed to them stands in the database, and `finish` waits for what is under way.
  void issuer.backChannel.stop()
  const closed = new Promise((resolve) => server.close(resolve))
  const closeIdle = setInterval(() => server.closeIdleConnections(), 50)
  const endSilence = setTimeout(() => connections.closeSilent(), LAST_REQUESTS_MS)
  const closeAll = setTimeout(() => server.closeAllConnections(), STOP_WITHIN_MS)
  await closed
  clearTimeout(endSilence)
  clearInterval(closeIdle)
  clearTimeout(closeAll)
  // A caller may have left before its request has ended.
  await Promise.race([issuer.requests.settled(), sleep(LAST_WORK_MS, undefined, { ref: false })])
}

/** A second call gets the promise of the first. */
function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => (running ??= work())
}
