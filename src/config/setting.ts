/** The values that variables set, with their types and units. */
import type { LogLevel } from '../ground/log.ts'

export type SignUp = 'off' | 'invite' | 'domains' | 'open'

export const LOCALES = ['en', 'de', 'zh'] as const
export type Locale = (typeof LOCALES)[number]

export interface Config {
  /** The exact `iss`; `undefined` when not set, then it follows from the port. */
  issuer: string | undefined
  /** Whether the issuer may be plain http on a host that is not this machine. */
  allowHttp: boolean
  host: string
  port: number
  databaseUrl: string
  /** Connections to PostgreSQL at most, beside the one that listens. */
  databasePool: number
  keysDir: string
  /** Keys of 32 bytes in base64url, whichever form was given, when given instead of `keys/master.key`. */
  masterKeys: readonly string[] | undefined
  configFile: string | undefined
  accessTokenTtlSeconds: number
  refreshTokenTtlSeconds: number
  refreshGraceSeconds: number
  keyRotationSeconds: number
  keyPrepublishSeconds: number
  jwksMaxAgeSeconds: number
  auditRetentionSeconds: number
  /** `loopback`, addresses and CIDRs; empty where nobody is believed. */
  trustedProxies: readonly string[]
  /** Refused or unauthenticated requests of one network in a minute; `Infinity` for no limit. */
  networkRequestsPerMinute: number
  /** Authenticated requests of one client in a minute; `Infinity` for no limit. */
  clientRequestsPerMinute: number
  maxInFlight: number
  maxConnections: number
  /** How long an idle connection stays open. */
  keepAliveSeconds: number
  /** Standing denials of a client's own tokens; the next one replaces them all by one entry. */
  limitDenials: number
  /** Live grants of one client and subject; the next one ends the oldest. */
  limitGrants: number
  metricsToken: string | undefined
  /** The persons who may make an account of their own. `domains`: those who type an address in one of `signUpDomains`. */
  signUp: SignUp
  signUpDomains: readonly string[]
  mfa: 'off' | 'optional' | 'required'
  /** Whether passwords sign in; without them passkeys alone do. */
  passwords: boolean
  sessionTtlSeconds: number
  sessionIdleSeconds: number
  idTokenTtlSeconds: number
  /** Hosts that calls may reach although their addresses are private: `host` or `host:port`, in lower case. */
  outboundAllow: readonly string[]
  /** The domain that passkeys are bound to; the issuer's host where it is not set. */
  rpId: string | undefined
  brandName: string
  /** The path or the https URL of an image. */
  brandLogo: string | undefined
  /** `#rrggbb`, lower case. */
  brandColor: string
  brandTermsUrl: string | undefined
  brandPrivacyUrl: string | undefined
  brandHelpUrl: string | undefined
  /** The language of pages where the browser asks for none that there is. */
  locale: Locale
  logLevel: LogLevel | 'silent'
  logFormat: 'pretty' | 'json'
  /** For each value that was set: the name of the variable that set it (`SIGNET_X`, `SIGNET_X_FILE` or `PORT`). */
  setBy: Partial<Record<Setting, string>>
  /** For each value that a `_FILE` form gave: the path of the file. */
  fileOf: Partial<Record<Setting, string>>
  /** Tells each part that variables ask for and this version lacks, a line each. */
  unserved: readonly string[]
}

/** The values that variables set. */
export type Setting = Exclude<keyof Config, 'setBy' | 'fileOf' | 'unserved'>
