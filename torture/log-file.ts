/** Writes the log of a server to a file, so that many lines do not slow the trial down. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Place } from './place.ts'
import type { ServerProcess } from './server-process.ts'

export interface LoggingServer {
  server: ServerProcess
  /** Bytes that were logged so far. */
  logged(): number
  /** The duration of each request so far by the server's own measurement, in ms, by the id of the request. */
  durations(): Map<string, number>
}

/** Starts a server with the default log level, and with stderr in a file. */
export async function startLogging(place: Place): Promise<LoggingServer> {
  const file = join(place.folder, 'signet.log')
  // `exit` after the command keeps the shell from being replaced by it.
  const under = ['sh', '-c', '"$@" 2>"$0"; exit $?', file]
  const server = await place.start({ under, env: { SIGNET_LOG_LEVEL: 'info' } })
  const durations = () => new Map(readFileSync(file, 'utf8').split('\n').flatMap(durationOf))
  return { server, logged: () => statSync(file).size, durations }
}

function durationOf(line: string): [string, number][] {
  if (!line.includes('"duration_ms"')) return []
  const { request_id, duration_ms } = JSON.parse(line) as { request_id: string; duration_ms: number } // src/ground/log.ts
  return [[request_id, duration_ms]]
}
