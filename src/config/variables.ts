/** The table of variables: name, default, accepted form, meaning and reader of each. */
import { readKeyTexts } from '../ground/key-text.ts'
import { POSTGRES_FORM } from '../ground/postgres-url.ts'
import { fetchedWithin } from '../ground/silence.ts'
import type { Variable } from './variable.ts'
import {
  databaseUrl,
  duration,
  integer,
  oneOf,
  parseHost,
  parseIssuer,
  parseProxies,
  path,
  rate,
  truth,
} from './parsers.ts'
import { lengthOf } from './shown.ts'
import { PEOPLE_VARIABLES } from './people-variables.ts'
import type { Setting } from './setting.ts'

export const VARIABLES = {
  issuer: {
    name: 'SIGNET_ISSUER',
    standard: undefined,
    accepts:
      'an https URL without query or fragment, its path in normal form (http only for localhost, *.localhost, 127.0.0.0/8 or [::1], or with SIGNET_ALLOW_HTTP=true)',
    meaning: 'issuer URL, the exact `iss` of every token; `http://localhost:<port>` when not set',
    parse: parseIssuer,
  },
  allowHttp: {
    name: 'SIGNET_ALLOW_HTTP',
    standard: 'false',
    accepts: 'true or false',
    meaning:
      '`true`: the issuer URL may be `http` on a private name, for development; a warning at every start, and a finding of `signet doctor`',
    parse: truth,
  },
  host: {
    name: 'SIGNET_HOST',
    standard: '127.0.0.1',
    accepts: 'a host name or address',
    meaning: 'address to listen on',
    parse: parseHost,
  },
  port: {
    name: 'SIGNET_PORT',
    standard: '3000',
    accepts: 'a port from 0 to 65535',
    meaning: 'port to listen on (`PORT` is read too); 0 picks one and prints it',
    parse: (value) => (/^\d{1,5}$/.test(value) && Number(value) <= 65_535 ? Number(value) : undefined),
  },
  databaseUrl: {
    name: 'SIGNET_DATABASE_URL',
    standard: 'file:data/signet.db',
    accepts: `file:<path> of a SQLite database, or ${POSTGRES_FORM}`,
    meaning:
      'where everything is kept: `file:` and a path, which starts at the working directory where it is relative, or `postgres://user:password@host:5432/database`',
    parse: databaseUrl,
  },
  databasePool: {
    name: 'SIGNET_DATABASE_POOL',
    standard: '10',
    accepts: 'a whole number from 2 to 1000',
    meaning: 'connections to PostgreSQL that this process holds at most; one more listens for changes',
    parse: integer(2, 1000),
  },
  keysDir: {
    name: 'SIGNET_KEYS_DIR',
    standard: 'keys',
    accepts: 'the path of a folder',
    meaning: 'holds `master.key`, which seals the private signing keys in the database; one key a line',
    parse: path,
  },
  masterKeys: {
    name: 'SIGNET_MASTER_KEY',
    standard: undefined,
    accepts:
      '32 bytes in base64url or base64 (43 characters, or 44 with the = at the end); several keys separated by commas or blanks',
    meaning:
      'the master key itself, from a secret store, instead of the file; several keys are separated by commas or blanks',
    parse: readKeyTexts,
    shown: lengthOf,
  },
  configFile: {
    name: 'SIGNET_CONFIG',
    standard: undefined,
    accepts: 'the path of a YAML or JSON file',
    meaning: 'declarative file of clients, resources, groups and users, applied at start',
    parse: path,
  },
  accessTokenTtlSeconds: {
    name: 'SIGNET_ACCESS_TOKEN_TTL',
    standard: '15m',
    meaning: 'life of an access token, unless its client or resource says otherwise',
    ...duration(1),
  },
  refreshTokenTtlSeconds: {
    name: 'SIGNET_REFRESH_TOKEN_TTL',
    standard: '30d',
    meaning: 'life of a refresh token family from its first token; rotation never extends it',
    ...duration(1),
  },
  refreshGraceSeconds: {
    name: 'SIGNET_REFRESH_GRACE',
    standard: '10s',
    meaning: 'how long a used refresh token may be repeated while its successor is unused; 0 for never',
    ...duration(0),
  },
  keyRotationSeconds: {
    name: 'SIGNET_KEY_ROTATION',
    standard: '30d',
    meaning: 'how long a key signs before the next one takes over',
    ...duration(1),
  },
  keyPrepublishSeconds: {
    name: 'SIGNET_KEY_PREPUBLISH',
    standard: '1d',
    meaning: `how long a key is published before it signs; at least \`SIGNET_JWKS_MAX_AGE\`, and ${fetchedWithin() / 1000} s more on PostgreSQL`,
    ...duration(0, Infinity, `at least SIGNET_JWKS_MAX_AGE, and ${fetchedWithin() / 1000} s more on PostgreSQL`),
  },
  jwksMaxAgeSeconds: {
    name: 'SIGNET_JWKS_MAX_AGE',
    standard: '5m',
    meaning:
      'how long the key set may be cached, and how long a verifier that only caches may accept a revoked key; at most `SIGNET_KEY_PREPUBLISH`',
    ...duration(0, Infinity, 'at most SIGNET_KEY_PREPUBLISH'),
  },
  auditRetentionSeconds: {
    name: 'SIGNET_AUDIT_RETENTION',
    standard: '400d',
    meaning: 'how long the audit trail is kept, and the public halves of the keys that it speaks of',
    ...duration(1),
  },
  trustedProxies: {
    name: 'SIGNET_TRUSTED_PROXIES',
    standard: undefined,
    accepts: 'a list, with commas, of addresses, CIDRs and `loopback`; or none',
    meaning:
      'whose `X-Forwarded-For` is believed; the last address in it that is not one of these is the caller; when not set, `none` for an issuer on this machine and `loopback`, a proxy on this machine, for any other',
    parse: parseProxies,
  },
  networkRequestsPerMinute: {
    name: 'SIGNET_RATE_LIMIT_NETWORK',
    standard: '3000',
    accepts: 'a whole number from 1, or off',
    meaning: 'refused or unauthenticated requests of one address (IPv6: /64) in a minute, then 429; `off` for no limit',
    parse: rate,
  },
  clientRequestsPerMinute: {
    name: 'SIGNET_RATE_LIMIT_CLIENT',
    standard: '3000000',
    accepts: 'a whole number from 1, or off',
    meaning: 'authenticated requests of one client in a minute, then 429; `off` for no limit',
    parse: rate,
  },
  maxInFlight: {
    name: 'SIGNET_MAX_IN_FLIGHT',
    standard: '5000',
    accepts: 'a whole number from 1 to 100000',
    meaning: 'requests that are answered at the same time; beyond, 503',
    parse: integer(1, 100_000),
  },
  maxConnections: {
    name: 'SIGNET_MAX_CONNECTIONS',
    standard: '10000',
    accepts: 'a whole number from 1 to 1000000',
    meaning: 'connections at the same time; beyond, the one that has been silent longest is closed',
    parse: integer(1, 1_000_000),
  },
  keepAliveSeconds: {
    name: 'SIGNET_KEEP_ALIVE',
    standard: '75s',
    meaning:
      'how long an idle connection stays open; set it longer than the proxy in front keeps one (AWS 60s, Google 600s)',
    ...duration(1, 86_400),
  },
  limitDenials: {
    name: 'SIGNET_LIMIT_DENIALS',
    standard: '1000',
    accepts: 'a whole number from 1 to 1000000',
    meaning: "standing denials of a client's own tokens; the next one replaces them by one entry for all its tokens",
    parse: integer(1, 1_000_000),
  },
  limitGrants: {
    name: 'SIGNET_LIMIT_GRANTS',
    standard: '1000',
    accepts: 'a whole number from 1 to 1000000',
    meaning: 'live grants of one client and subject; the next one ends the oldest',
    parse: integer(1, 1_000_000),
  },
  metricsToken: {
    name: 'SIGNET_METRICS_TOKEN',
    standard: undefined,
    accepts: '16 characters or more, as a Bearer token is written (RFC 6750 §2.1)',
    meaning:
      'what a scraper of `/metrics` sends as its Bearer token: 16 characters or more; `openssl rand -hex 32` makes one',
    parse: (value) => (/^[A-Za-z0-9\-._~+/]{16,}=*$/.test(value) ? value : undefined),
    shown: lengthOf,
  },
  ...PEOPLE_VARIABLES,
  logLevel: {
    name: 'SIGNET_LOG_LEVEL',
    standard: 'info',
    accepts: 'debug, info, warn, error or silent',
    meaning: 'how much is logged, to stderr',
    parse: oneOf('debug', 'info', 'warn', 'error', 'silent'),
  },
  logFormat: {
    name: 'SIGNET_LOG_FORMAT',
    standard: undefined,
    accepts: 'pretty or json',
    meaning: '`pretty` on a terminal, else `json`',
    parse: oneOf('pretty', 'json'),
  },
} satisfies Record<Setting, Variable>
