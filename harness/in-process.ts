/** A Signet in this process: a real port, real files, a clock that the caller moves, and a log that is kept. */
import { readConfig, startIssuer, type Clock, type Config, type Log, type RunningIssuer } from '../src/index.ts'

/** A log that remembers its lines, so that a test can look for secrets in it. */
export function rememberingLog(): { log: Log; lines: string[] } {
  const lines: string[] = []
  const at =
    (level: string) =>
    (message: string, fields: object = {}): void => {
      lines.push(JSON.stringify({ level, message, ...fields }))
    }
  return { log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, lines }
}

export interface InProcess extends RunningIssuer {
  /** Lines of the log so far; empty where `log` was given. */
  logged: string[]
  /** The variables that a second process needs to work on the same database under the same name. */
  env: Record<string, string>
}

export interface Surroundings {
  /** The clock; the real clock where it is left out. */
  clock?: Clock
  /** A log that gets the lines; they are kept where it is left out. */
  log?: Log
  /** Starts the issuer of a configuration. Another function may start several issuers on one database. */
  start?: (config: Config, surroundings: { clock?: Clock; log: Log }) => Promise<RunningIssuer>
}

/** Starts a Signet that is configured by variables. The caller stops it. */
export async function startInProcess(
  variables: Record<string, string>,
  { clock, log, start = startIssuer }: Surroundings = {},
): Promise<InProcess> {
  const kept = rememberingLog()
  const running = await start(readConfig(variables), { ...(clock && { clock }), log: log ?? kept.log })
  const env = { ...variables, SIGNET_PORT: String(running.port), SIGNET_ISSUER: running.issuer }
  return { ...running, logged: kept.lines, env }
}
