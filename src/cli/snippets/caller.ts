/** Code that calls an API with tokens of a client: the targets of `signet client snippet`. */
import { hash } from 'node:crypto'
import {
  AUTHORIZATION_CODE,
  OFFLINE_ACCESS,
  PERSON_SCOPES,
  SUBJECT_GRANT,
  isPublicClient,
  usesSecret,
} from '../../clients/client.ts'
import { Fault } from '../../ground/errors.ts'
import { shell } from '../../ground/shell-word.ts'
import { endpointUrl } from '../../http/endpoint-url.ts'
import type { ClientJwk, ClientRecord } from '../../store/records/client.ts'
import type { ResourceRecord } from '../../store/records/resource.ts'
import { fillFile, type Filling } from './fill.ts'

const FILES: Readonly<Record<string, string>> = {
  curl: 'curl.sh',
  node: 'node.mjs',
  python: 'python.py',
  go: 'tokens.go',
  openapi: 'openapi.yaml',
}

export const CALLER_TARGETS = Object.keys(FILES)

/** Grant types by which a program gets a token without a person in front of it. */
const OWN_GRANTS = ['client_credentials', SUBJECT_GRANT]

/**
 * @param target one of the caller targets
 * @throws Fault if code of this kind cannot get a token for this client
 */
export function fillCaller(target: string, client: ClientRecord, resource: ResourceRecord, issuer: string): string {
  const grantType = OWN_GRANTS.find((each) => client.grantTypes.includes(each))
  if (target !== 'openapi') requireFetchable(target, client, grantType, issuer)
  return fillFile(`client/${FILES[target]}`, gather(client, resource, issuer, grantType))
}

/** @throws Fault with the reason, and with another way to get the client's tokens */
function requireFetchable(target: string, client: ClientRecord, grantType: string | undefined, issuer: string): void {
  const named = `client ${JSON.stringify(client.clientId)}`
  if (isPublicClient(client) || grantType === undefined)
    throw new Fault(
      `${named} gets tokens when a person signs in; it has no grant type of its own, only ${client.grantTypes.join(', ')}`,
      `give the app's OpenID Connect library the issuer ${issuer} and the client_id ${client.clientId}`,
    )
  if (client.dpopBoundAccessTokens)
    throw new Fault(
      `${named} has dpop_bound_access_tokens: each request needs a proof by a key, and no snippet makes it`,
      'use an OAuth library with DPoP (RFC 9449)',
    )
  if (target === 'curl' && !usesSecret(client))
    throw new Fault(
      `${named} signs its token requests (private_key_jwt), and curl cannot sign`,
      `see: signet client snippet ${shell(client.clientId)} --for node`,
    )
}

function gather(
  client: ClientRecord,
  resource: ResourceRecord,
  issuer: string,
  grantType: string | undefined,
): Filling {
  const { clientId, tokenEndpointAuthMethod: method, grantTypes } = client
  const scopes = scopesAt(client, resource)
  const { alg, kid } = describeKey(client.jwks?.keys[0])
  const conditions = {
    client_credentials: grantType === 'client_credentials',
    subject: grantType === SUBJECT_GRANT,
    authorization_code: grantType !== 'client_credentials' && grantTypes.includes(AUTHORIZATION_CODE),
    scope: scopes.length > 0,
    'no-scope': scopes.length === 0,
    secret: usesSecret(client),
    client_secret_basic: method === 'client_secret_basic',
    client_secret_post: method === 'client_secret_post',
    private_key_jwt: method === 'private_key_jwt',
    kid: kid !== undefined,
    'no-kid': kid === undefined,
  }
  const values = {
    ISSUER: issuer,
    TOKEN_ENDPOINT: endpointUrl(issuer, '/token'),
    AUTHORIZATION_ENDPOINT: endpointUrl(issuer, '/authorize'),
    CLIENT_ID: clientId,
    CLIENT_ID_ENCODED: encodeURIComponent(clientId),
    GRANT_TYPE: grantType ?? AUTHORIZATION_CODE,
    SUBJECT_GRANT,
    KEY_ALG: alg,
    KEY_ID: kid ?? '',
    AUDIENCE: resource.id,
    API_URL: urlOf(resource.id),
    SCOPES: scopes.join(' '),
    SCOPE_LIST: scopes,
    SCOPE_TEXTS: Object.fromEntries(scopes.map((scope) => [scope, `what ${scope} allows`])),
    SCHEME_DESCRIPTION: `Access tokens of ${issuer} with aud ${resource.id}. Send resource=${resource.id} with the token request.`,
    CACHE_NAME: cacheName([issuer, clientId, resource.id, ...scopes]),
  }
  return { values, conditions }
}

/** The scopes that an access token can have at this API. Those of people need a person, and callers need no refresh token. */
function scopesAt(client: ClientRecord, resource: ResourceRecord): string[] {
  const others: readonly string[] = [OFFLINE_ACCESS, ...PERSON_SCOPES]
  return client.scope.filter(
    (value) => !others.includes(value) && (resource.scope === null || resource.scope.includes(value)),
  )
}

/** The algorithm of a registered key, in the name that every library knows. */
function describeKey({ kty, crv, alg, kid }: ClientJwk = {}): { alg: string; kid: string | undefined } {
  const curves: Readonly<Record<string, string>> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' }
  const usual = kty === 'RSA' ? 'RS256' : (curves[String(crv)] ?? 'EdDSA')
  return { alg: alg === 'PS256' ? 'PS256' : usual, kid }
}

/** A resource that is a URL is where its API is, as a rule; a plain name tells no place. */
const urlOf = (id: string): string => (/^https?:\/\/[\w.:/-]+$/.test(id) ? id : 'http://localhost:8080/')

const cacheName = (parts: string[]): string => hash('sha256', JSON.stringify(parts), 'hex').slice(0, 24)
