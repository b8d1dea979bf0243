/**
 * A guard from environment variables, for services that switch between no check, fixed tokens, a shared secret and an
 * issuer without a change of code. A variable that is missing or wrong stops the start.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { StalenessPolicy } from './blacklist-follower.ts'
import { readClock } from './clock.ts'
import { TokenError } from './errors.ts'
import { asAuthenticator, Guard, type Authenticator } from './guard.ts'
import { applyExpectations, readOptions, type Rules } from './options.ts'
import { requireKnown } from './known-options.ts'
import type { KeySource } from './remote-keys.ts'
import { Verifier, verifierOf } from './token-verifier.ts'
import { readAllowHttp, requireIssuer, requireSafeUrl, type Warn } from './web-address.ts'

/** Settings for which there is no variable. */
export interface EnvOptions {
  /** Default: `process.env`. */
  env?: Readonly<Record<string, string | undefined>>
  /** Default: `console.warn`. Called at start, where a setting leaves something open. */
  warn?: (message: string) => void
  /** How this API introduces itself to the issuer; mode `oidc`. */
  name?: string
  /** Follows the issuer's blacklist; mode `oidc`, and Signet as the issuer. */
  revocations?: boolean | StalenessPolicy
  /** The accepted `typ`; by default `at+jwt`, `JWT` or none, because the variables may name any issuer. */
  typ?: string | readonly string[]
  publicOrigin?: string
  resourceMetadata?: string
  /** Accepts plain `http` to other machines, with a warning; off by default, and for development alone. */
  allowHttp?: boolean
}

const OPTIONS = ['env', 'warn', 'name', 'revocations', 'typ', 'publicOrigin', 'resourceMetadata', 'allowHttp']
const MODES = ['static', 'jwt', 'oidc'] as const
type Mode = (typeof MODES)[number]

/** RFC 7518 §3.2: a key for HS256 has as many bits as the hash. A shorter one can be guessed from one token. */
const LEAST_SECRET_BYTES = 32
const TYPES = ['at+jwt', 'jwt', '']

/** @throws TypeError naming the variable that is missing or wrong, and never a secret value */
export function guardFromEnv(options: EnvOptions = {}): Guard {
  requireKnown('authFromEnv', options, OPTIONS)
  const variables = new Variables(options.env ?? process.env)
  const warn = options.warn ?? ((message: string) => console.warn(message))
  const shared = {
    ...(options.publicOrigin !== undefined && { publicOrigin: options.publicOrigin }),
    ...(options.resourceMetadata !== undefined && { resourceMetadata: options.resourceMetadata }),
    ...(options.allowHttp !== undefined && { allowHttp: options.allowHttp }),
  }
  if (!isEnabled(variables)) {
    warn('signet-verify: AUTH_ENABLED is not true: NO REQUEST IS CHECKED, every route is open')
    return new Guard(undefined, shared)
  }
  const cookie = variables.find('AUTH_COOKIE')
  const authenticator = authenticatorOf(variables, options, warn)
  try {
    return new Guard(authenticator, { ...shared, ...(cookie !== undefined && { cookie }) })
  } catch (error) {
    throw error instanceof TypeError && error.message.startsWith('cookie')
      ? new TypeError(`AUTH_COOKIE: ${error.message}`)
      : error
  }
}

/** @throws TypeError if the variables leave it open whether requests are checked: a slip must not open every route */
function isEnabled(variables: Variables): boolean {
  const value = variables.find('AUTH_ENABLED')?.toLowerCase()
  if (value === 'true' || value === 'false') return value === 'true'
  if (variables.isEmpty('AUTH_ENABLED')) throw new TypeError('AUTH_ENABLED is empty; accepted are true and false')
  if (value !== undefined) throw new TypeError(`AUTH_ENABLED is ${readAs(value)}; accepted are true and false`)
  const [another] = variables.names()
  if (another === undefined) return false
  throw new TypeError(`AUTH_ENABLED is not set, and ${another} is: say AUTH_ENABLED=true, or false to check nothing`)
}

/** A short word is shown as it was read. Any other value may be a secret in the wrong variable. */
const readAs = (value: string): string =>
  value.length <= 12 && /^[\w-]+$/.test(value) ? `'${value}'` : `a value of ${value.length} characters`

function authenticatorOf(variables: Variables, options: EnvOptions, warn: (message: string) => void): Authenticator {
  const mode = variables.get('AUTH_MODE', `one of ${MODES.join(', ')}`)
  if (!MODES.some((each) => each === mode))
    throw new TypeError(`AUTH_MODE is ${readAs(mode)}; accepted are ${MODES.join(', ')}`)
  switch (
    mode as Mode // looked at above
  ) {
    case 'static':
      return staticTokens(variables.list('AUTH_TOKENS', 'mode static needs one token or more, separated by commas'))
    case 'jwt':
      return sharedSecret(variables, options, warn)
    case 'oidc':
      return remoteIssuer(variables, options, warn)
  }
}

/** All digests are compared each time, and they have one length, so that the duration reveals nothing. */
function staticTokens(tokens: string[]): Authenticator {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const accepted = tokens.map(digest)
  return {
    async verify({ token, dpop }) {
      const presented = digest(token)
      const isKnown = accepted.reduce((known, each) => timingSafeEqual(each, presented) || known, false)
      if (!isKnown || dpop) throw new TokenError('unknown_key', 'this is none of the accepted tokens')
      return { claims: { sub: 'static', exp: Number.MAX_SAFE_INTEGER }, header: { alg: 'static' } }
    },
    revocationStatus: () => undefined,
    close: async () => {},
  }
}

/** The only mode that takes HS256: the operator, and never a token, says that the key is a shared secret. */
function sharedSecret(variables: Variables, options: EnvOptions, warn: (message: string) => void): Authenticator {
  const secret = new TextEncoder().encode(variables.get('AUTH_JWT_SECRET', 'mode jwt needs the shared secret'))
  if (secret.byteLength < LEAST_SECRET_BYTES)
    throw new TypeError(
      `AUTH_JWT_SECRET is shorter than ${LEAST_SECRET_BYTES} bytes; make one with: openssl rand -base64 48`,
    )
  for (const name of ['AUTH_JWT_ISSUER', 'AUTH_JWT_AUDIENCE'])
    if (variables.isEmpty(name)) throw new TypeError(`${name} is empty: leave it out, and it is not checked`)
  const audience = variables.find('AUTH_JWT_AUDIENCE') === undefined ? undefined : variables.list('AUTH_JWT_AUDIENCE')
  if (audience === undefined)
    warn('signet-verify: AUTH_JWT_AUDIENCE is not set: a token for any service that shares the secret is accepted')
  const rules: Rules = {
    issuer: variables.find('AUTH_JWT_ISSUER'),
    audience: audience ?? 'any',
    types: TYPES,
    clockToleranceSeconds: 5,
  }
  const keys: KeySource = {
    keyFor: () => ({ key: secret, kid: undefined }),
    suspectChange() {},
    holds: () => true,
    close() {},
  }
  const settings = {
    rules: applyExpectations(rules, options.typ === undefined ? {} : { typ: options.typ }, 60),
    algorithms: new Set(['HS256']),
    maxClockTolerance: 60,
    cacheSize: 0,
    resourceMetadata: undefined,
    clock: readClock(),
  }
  return asAuthenticator(new Verifier(settings, keys), true)
}

function remoteIssuer(
  variables: Variables,
  { name, revocations, typ = TYPES, allowHttp }: EnvOptions,
  warn: Warn,
): Authenticator {
  const isHttpAllowed = readAllowHttp(allowHttp)
  const issuer = variables.get(
    'AUTH_JWT_ISSUER',
    'mode oidc needs the exact issuer; AUTH_JWKS_URL alone does not tell who may issue',
  )
  requireIssuer('AUTH_JWT_ISSUER', issuer, isHttpAllowed)
  const jwksUri = variables.find('AUTH_JWKS_URL')
  if (jwksUri !== undefined) requireSafeUrl('AUTH_JWKS_URL', jwksUri, isHttpAllowed)
  const audience = variables.list(
    'AUTH_JWT_AUDIENCE',
    'mode oidc needs the name of this API in aud, else a token for any other API is accepted',
  )
  const options = {
    issuer,
    audience,
    typ,
    allowHttp: isHttpAllowed,
    ...(jwksUri !== undefined && { jwksUri }),
    ...(name !== undefined && { name }),
    ...(revocations !== undefined && { revocations }),
  }
  return asAuthenticator(verifierOf(readOptions(options, warn)), true)
}

/** Kubernetes adds these to every container if a service is called `auth` or `auth-…`. */
const SERVICE_LINK = /_SERVICE_HOST$|_SERVICE_PORT(_|$)|_PORT$|_PORT_\d{1,5}_(TCP|UDP|SCTP)(_|$)/

/** The environment. An empty variable has no value; whether it is absent matters where that would check less. */
class Variables {
  readonly #env: Readonly<Record<string, string | undefined>>

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env
  }

  find(name: string): string | undefined {
    return this.#env[name]?.trim() || undefined
  }

  /** Whether a variable is set to nothing or to blanks: mostly it is made of another one that is not set. */
  isEmpty(name: string): boolean {
    return this.#env[name]?.trim() === ''
  }

  /** The names of the `AUTH_` variables that are set, empty ones too. */
  names(): string[] {
    const ours = Object.keys(this.#env).filter((name) => name.startsWith('AUTH_') && !SERVICE_LINK.test(name))
    return ours.filter((name) => this.#env[name] !== undefined)
  }

  /** @throws TypeError naming the variable and why it is needed */
  get(name: string, why = 'it is needed'): string {
    const value = this.find(name)
    if (value === undefined) throw new TypeError(`${name} is not set: ${why}`)
    return value
  }

  list(name: string, why?: string): string[] {
    const values = this.get(name, why)
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== '')
    if (values.length === 0) throw new TypeError(`${name} holds nothing: ${why ?? 'it is needed'}`)
    return values
  }
}
