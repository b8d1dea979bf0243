/**
 * The log: one line for each event, with fields from a closed list, so that no secret is logged as part of a larger
 * object. It is written to stderr. On stdout is only the result that a person or a script asked for.
 */
import { createRequire } from 'node:module'
import type Pino from 'pino'
import type Pretty from 'pino-pretty'
import { withoutSecrets } from './looks-secret.ts'

/** Every field that may be logged. Before a field is added here, ask whether it can hold a secret. */
export interface LogFields {
  request_id?: string
  method?: string
  /** The route's pattern, never the URL as sent: callers put tokens into paths and queries. */
  route?: string
  status?: number
  duration_ms?: number
  client_id?: string
  grant_type?: string
  error?: string
  /** The exact reason. The caller gets a more general text. */
  reason?: string
  /** Scopes of an authorization request that the client or the resource does not have. */
  dropped_scope?: string
  stack?: string
  kid?: string
  alg?: string
  /** Empty for the issuer's own keys, else the resource that the keys belong to. */
  ring?: string
  sid?: string
  url?: string
  count?: number
}

/** Removes secrets that should not have reached a field: a reason may repeat a name that a caller made up. */
const scrub = (fields: LogFields): LogFields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? withoutSecrets(value) : value]),
  )

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export interface LogOptions {
  level: LogLevel | 'silent'
  format: 'pretty' | 'json'
}

const require = createRequire(import.meta.url)
/** Loaded only for a person who reads the log, because loading it delays the start of a service that writes JSON. */
const loadPretty = () => require('pino-pretty') as typeof Pretty // sound: as its types say
const loadPino = () => require('pino') as typeof Pino // sound: as its types say

/** A log that is opened at its first line: most commands write none. */
export function logOnDemand(options: LogOptions): Log {
  let opened: Log | undefined
  const at =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void =>
      (opened ??= openLog(options))[level](message, fields)
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Opens the log on stderr. Line breaks in values are escaped by JSON, in the pretty form too. */
export function openLog(options: LogOptions): Log {
  const pino = loadPino()
  const settings = {
    level: options.level,
    base: null,
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const stderr =
    options.format === 'json'
      ? pino.destination({ dest: 2, sync: true })
      : loadPretty()({
          destination: 2,
          sync: true,
          messageKey: 'message',
          singleLine: true,
          translateTime: 'SYS:HH:MM:ss',
        })
  const log = pino(settings, stderr)
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (log.isLevelEnabled(level)) log[level](scrub(fields), message)
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
