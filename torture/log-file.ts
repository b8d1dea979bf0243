/** The log of a server in a file, where a flood of lines costs the trial nothing. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Place } from './place.ts'
import type { ServerProcess, StartOptions } from './server-process.ts'

export interface LoggingServer {
  server: ServerProcess
  /** Bytes that were logged so far. */
  logged(): number
}

/** Starts a server at the level that is the default, with stderr in a file. */
export async function startLogging(place: Place, options: Partial<StartOptions> = {}): Promise<LoggingServer> {
  const file = join(place.folder, 'signet.log')
  // What comes after the command keeps the shell from being replaced by it.
  const under = ['sh', '-c', '"$@" 2>"$0"; exit $?', file]
  const server = await place.start({ ...options, under, env: { SIGNET_LOG_LEVEL: 'info', ...options.env } })
  return { server, logged: () => statSync(file).size }
}
