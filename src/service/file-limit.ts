/**
 * Open files: each connection takes one. Where the system has none left, it resets new connections before this process hears
 * of them, so that the rule for idle connections would never run. So fewer connections are kept then.
 */
import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import type { Config } from '../config/setting.ts'
import type { Log } from '../ground/log.ts'

/** Open beside the connections of callers and of the database: files, and connections to other hosts. */
const OWN_FILES = 90
/** A server at rest has about 30. */
const LEAST_OWN_FILES = 40
/** Between two lines about the same. */
const TELL_EVERY_MS = 60_000

/** How many connections are kept. The log tells where these are fewer than configured. */
export function mostConnections(config: Config, log: Log): number {
  const limit = readLimit()
  const most = fittingConnections(config, limit)
  if (most < config.maxConnections)
    log.warn(
      `${config.setBy.maxConnections ?? 'SIGNET_MAX_CONNECTIONS'}: ${most} connections are kept, not ${config.maxConnections}: the system lets this process open ${limit} files; raise its limit (LimitNOFILE= of systemd, ulimits of Compose, ulimit -n in a shell)`,
    )
  return most
}

/** The rule, as a function of values. */
export function fittingConnections(
  { maxConnections, databasePool }: Pick<Config, 'maxConnections' | 'databasePool'>,
  limit: number,
): number {
  const own = Math.max(LEAST_OWN_FILES, Math.min(OWN_FILES + databasePool, Math.floor(limit / 2)))
  return Math.max(1, Math.min(maxConnections, limit - own))
}

/** Node raises the soft limit to the hard one at its start. Only Linux tells it; elsewhere there is none to go by. */
function readLimit(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? Infinity : Number(soft)
  } catch {
    return Infinity
  }
}

/** Logs connections that the system could not hand over, such as EMFILE. Without a listener they would end the process. */
export function tellRefusedConnections(server: Server, log: Log): void {
  let toldAt = -Infinity
  server.on('error', (error) => {
    if (performance.now() - toldAt < TELL_EVERY_MS) return
    toldAt = performance.now()
    log.error('a new connection could not be taken: see the limit of open files', { reason: error.message })
  })
}
