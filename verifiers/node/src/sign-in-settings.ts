/** The options of a sign-in. They are checked when it is made, so that a mistake shows at start. */
import type { StalenessPolicy } from './blacklist-follower.ts'
import { requireKnown } from './known-options.ts'
import { readOptions, type RemoteSettings, type TokenVerifierOptions } from './options.ts'
import { readAllowHttp, requireOrigin } from './web-address.ts'

export interface SignInOptions {
  /** The issuer; `baseURL` is another name for it. */
  issuer?: string
  baseURL?: string
  clientId: string
  /** Left out by a public client. */
  clientSecret?: string
  /** Scopes, separated by spaces; `openid profile email offline_access` by default. `openid` is always asked for. */
  scope?: string
  /** The API or APIs that the access token is for (RFC 8707). */
  resource?: string | readonly string[]
  /** The origin at which people see this app, such as `https://app.example`. `Host` is never believed. */
  publicOrigin: string
  /** Hands the access token to the page at `/#access_token=…`; off by default. */
  fragment?: boolean
  /** Follows the issuer's blacklist; on by default. `false` for issuers that have no feed. */
  revocations?: boolean | (StalenessPolicy & { feedUrl?: string })
  /** Accepts plain `http` to other machines, with a warning; off by default, and for development alone. */
  allowHttp?: boolean
  /** How this app introduces itself to the issuer. */
  name?: string
  /** For tests that move time. */
  clock?: { now(): number; elapsed?(): number }
}

export interface SignInSettings {
  clientId: string
  clientSecret: string | undefined
  scope: string
  resources: readonly string[]
  publicOrigin: string
  redirectUri: string
  /** The page to which the issuer sends a person after signing out. */
  signedOutUri: string
  hasFragment: boolean
  tokens: RemoteSettings
}

const OPTIONS = [
  'issuer',
  'baseURL',
  'clientId',
  'clientSecret',
  'scope',
  'resource',
  'publicOrigin',
  'fragment',
  'revocations',
  'allowHttp',
  'name',
  'clock',
]

const DEFAULT_SCOPE = 'openid profile email offline_access'

/** RFC 6749 §3.3. */
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+( [\x21\x23-\x5B\x5D-\x7E]+)*$/

/** @throws TypeError naming the option that is wrong, and never a secret */
export function readSignInOptions(options: SignInOptions): SignInSettings {
  requireKnown('signIn', options, OPTIONS)
  const { clientId, clientSecret, fragment = false } = options
  if (typeof clientId !== 'string' || clientId === '')
    throw new TypeError('clientId is missing: the client_id of this app')
  if (clientSecret !== undefined && (typeof clientSecret !== 'string' || clientSecret === ''))
    throw new TypeError('clientSecret is empty; a public client leaves it out')
  if (typeof fragment !== 'boolean') throw new TypeError('fragment is true or false')
  if (options.publicOrigin === undefined)
    throw new TypeError('publicOrigin is missing: the origin at which people see this app, such as https://app.example')
  const publicOrigin = requireOrigin('publicOrigin', options.publicOrigin, readAllowHttp(options.allowHttp))
  return {
    clientId,
    clientSecret,
    scope: readScope(options.scope),
    resources: readResources(options.resource),
    publicOrigin,
    redirectUri: `${publicOrigin}/auth/callback`,
    signedOutUri: `${publicOrigin}/`,
    hasFragment: fragment,
    tokens: readOptions(verifierOptions(options)),
  }
}

function verifierOptions(options: SignInOptions): TokenVerifierOptions {
  const { issuer, baseURL, clientId, revocations = true, allowHttp, name, clock } = options
  const named = issuer ?? baseURL
  if (named === undefined) throw new TypeError('issuer is missing: the exact iss of the tokens')
  if (issuer !== undefined && baseURL !== undefined && issuer !== baseURL)
    throw new TypeError('issuer and baseURL are two names of one option, and differ')
  return {
    issuer: named,
    audience: clientId,
    revocations,
    ...(allowHttp !== undefined && { allowHttp }),
    ...(name !== undefined && { name }),
    ...(clock !== undefined && { clock }),
  }
}

function readScope(scope: string = DEFAULT_SCOPE): string {
  if (typeof scope !== 'string' || !SCOPE.test(scope))
    throw new TypeError('scope is a list of scopes, separated by one space')
  return scope.split(' ').includes('openid') ? scope : `openid ${scope}`
}

function readResources(resource: string | readonly string[] = []): readonly string[] {
  const list = typeof resource === 'string' ? [resource] : resource
  if (!Array.isArray(list) || list.some((each) => typeof each !== 'string' || each === ''))
    throw new TypeError('resource is a name or a list of names, none of them empty')
  return list as readonly string[] // looked at above
}
