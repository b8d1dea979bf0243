/**
 * The authorization request (RFC 6749 §4.1.1, OIDC Core §3.1.2.1, OAuth 2.1). The client and its redirect URI are proven
 * first: without them the person reads a page, and nobody is sent anywhere. Every later fault is told to the client.
 */
import { AUTHORIZATION_CODE, isPublicClient } from '../clients/client.ts'
import type { ClientDirectory } from '../clients/directory.ts'
import { isRegisteredRedirect } from '../clients/redirect-uri.ts'
import { describeUnknown } from '../ground/fingerprint.ts'
import { updateCommand } from '../clients/update-command.ts'
import { OAuthError } from '../ground/errors.ts'
import { wordOr } from '../ground/shell-word.ts'
import { chooseResources } from '../grants/target.ts'
import type { ResourceDirectory } from '../resources/directory.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { AuthorizationRequest } from '../store/records/sign-in.ts'
import type { IdTokenHint } from '../tokens/id-token-hint.ts'
import { AuthorizationError, type ClientAddress, type ClientErrorCode } from './answer-client.ts'
import { readClaimsRequest, type AskedClaims } from './claims-request.ts'
import { MOST_KEPT_CHARACTERS, RESPONSE_MODES, addressOf, addressInObject, type Sent } from './delivery.ts'
import { scopeOfClient } from './scope.ts'

/** The client and the address that a request claims to come from. */
interface Claimed {
  client?: ClientRecord
  redirectUri?: string
}

/** The person reads of it on a page, because no client is proven whom it could be told. */
export class UnprovenClient extends Error {
  readonly code: 'unknown_client' | 'redirect_uri_missing' | 'redirect_uri_mismatch'
  /** The client that was named, where there is one. */
  readonly client: ClientRecord | undefined
  /** The address that the client has not registered. An operator may add it. */
  readonly redirectUri: string | undefined

  constructor(code: UnprovenClient['code'], reason: string, { client, redirectUri }: Claimed = {}) {
    super(reason)
    this.name = 'UnprovenClient'
    this.code = code
    this.client = client
    this.redirectUri = redirectUri
  }
}

export interface RequestNeeds {
  clients: Pick<ClientDirectory, 'find'>
  resources: ResourceDirectory
  isSignUpOn: boolean
  /** Reads an ID token of this issuer; `undefined` for a text that proves nothing. */
  readHint(text: string): Promise<IdTokenHint | undefined>
  /** The user name of a person; `undefined` where there is none. */
  findName(sub: string): Promise<string | undefined>
}

/**
 * Parameters that are sent once. `resource` may repeat (RFC 8707 §2). Unknown ones are ignored (RFC 6749 §3.1), and so are
 * `display` and `claims_locales`.
 */
const ONCE = new Set(
  'client_id redirect_uri response_type response_mode scope state nonce code_challenge code_challenge_method prompt max_age login_hint id_token_hint acr_values ui_locales claims dpop_jkt request request_uri registration'.split(
    ' ',
  ),
)

const PROMPTS = ['none', 'login', 'consent', 'select_account', 'create']

/** RFC 7636 §4.2 with S256, and RFC 7638: SHA-256 in base64url. */
const SHA256_TEXT = /^[\w-]{43}$/
const MOST_HINT_CHARACTERS = 256
const MOST_WORDS = 20

/**
 * Reads a request.
 * @throws UnprovenClient for the person; AuthorizationError for the client
 */
export async function readRequest(
  sent: Sent,
  needs: RequestNeeds,
): Promise<{ request: AuthorizationRequest; client: ClientRecord }> {
  const { client, redirectUri } = proveClient(sent, needs.clients)
  const to = addressOf(sent, client, redirectUri)
  const refuse = refuseAt(to)
  requireForm(sent, refuse)
  requireNoObject(sent, to)
  requireSupported(sent, refuse)
  requireCodeFlow(sent, client, refuse)
  const prompt = readPrompt(sent, needs, refuse)
  const codeChallenge = readChallenge(sent, client, refuse)
  const asked = readClaimsRequest(sent.get('claims'))
  if (!asked) throw refuse('invalid_request', 'claims is no JSON object with the members id_token and userinfo')
  const { resources, scope } = readTarget(sent, client, needs, refuse)
  const provenSub = await readHintedSub(sent, { client, prompt }, needs, refuse)
  const request = {
    ...to,
    nonce: sent.get('nonce') ?? null,
    scope,
    resources,
    codeChallenge,
    prompt,
    maxAge: readMaxAge(sent, refuse),
    loginHint:
      sent.get('login_hint')?.slice(0, MOST_HINT_CHARACTERS) ?? (await nameOf(provenSub, { client, prompt }, needs)),
    hintedSub: provenSub ?? asked.sub,
    ...readAcr(sent, asked),
    claims: asked.claims,
    uiLocales: words(sent.get('ui_locales')),
    dpopJkt: readProofKey(sent, refuse),
  }
  requireBounded(request, refuse)
  return { request, client }
}

type Refuse = (code: ClientErrorCode, description: string, reason?: string) => AuthorizationError

const refuseAt =
  (to: ClientAddress): Refuse =>
  (code, description, reason) =>
    new AuthorizationError(code, description, to, reason)

/** @throws UnprovenClient */
function proveClient(
  sent: Sent,
  clients: Pick<ClientDirectory, 'find'>,
): { client: ClientRecord; redirectUri: string } {
  const [clientId, another] = sent.all('client_id')
  if (clientId === undefined) throw new UnprovenClient('unknown_client', 'client_id is missing')
  if (another !== undefined) throw new UnprovenClient('unknown_client', 'client_id was sent twice')
  const client = clients.find(clientId)
  if (!client) throw new UnprovenClient('unknown_client', `no client ${describeUnknown(clientId)}`)
  if (client.disabledAt !== null) throw new UnprovenClient('unknown_client', 'the client is disabled', { client })
  const [redirectUri, more] = sent.all('redirect_uri')
  if (redirectUri === undefined) throw new UnprovenClient('redirect_uri_missing', 'redirect_uri is missing', { client })
  if (more === undefined && isRegisteredRedirect(redirectUri, client)) return { client, redirectUri }
  const reason = more === undefined ? differenceOf(redirectUri, client) : 'redirect_uri was sent twice'
  throw new UnprovenClient('redirect_uri_mismatch', `redirect URI mismatch: ${reason}`, { client, redirectUri })
}

/** Which part of the redirect URI differs from the registered one that is nearest. It names that one, and no raw input. */
function differenceOf(sent: string, { redirectUris }: ClientRecord): string {
  if (redirectUris.length === 0) return 'the client has no redirect URI'
  if (!URL.canParse(sent)) return 'redirect_uri is no URL'
  const url = new URL(sent)
  const parts = ['protocol', 'hostname', 'port', 'pathname', 'search', 'hash'] as const
  const nearest = redirectUris
    .filter((each) => URL.canParse(each))
    .map((each) => ({ each, differ: parts.filter((part) => new URL(each)[part] !== url[part]) }))
    .toSorted((a, b) => a.differ.length - b.differ.length)[0]
  if (!nearest) return 'no registered redirect URI is a URL'
  const { each, differ } = nearest
  const isSlash = differ.join() === 'pathname' && withoutSlash(each) === withoutSlash(sent)
  const what = isSlash ? 'a slash at the end' : differ.map((part) => NAMES_OF_PARTS[part]).join(' and ')
  return `${what || 'the spelling'} differs from ${each}, the nearest that is registered`
}

const withoutSlash = (uri: string): string => uri.replace(/\/$/, '')

const NAMES_OF_PARTS = {
  protocol: 'the scheme',
  hostname: 'the host',
  port: 'the port',
  pathname: 'the path',
  search: 'the query',
  hash: 'the fragment',
} as const

const TOO_LONG = `the request is longer than ${MOST_KEPT_CHARACTERS} characters: send a shorter state, nonce or claims`

function requireForm(sent: Sent, refuse: Refuse): void {
  if ((sent.get('state')?.length ?? 0) > MOST_KEPT_CHARACTERS) throw refuse('invalid_request', TOO_LONG)
  const twice = sent.repeated().find((name) => ONCE.has(name))
  if (twice !== undefined) throw refuse('invalid_request', `${twice} was sent more than once; once is right`)
  const mode = sent.get('response_mode')
  if (mode !== undefined && !RESPONSE_MODES.some((each) => each === mode))
    throw refuse('invalid_request', `response_mode is one of ${RESPONSE_MODES.join(', ')}`)
}

/** Request objects (RFC 9101) are refused. The client that put all of its request into one hears so the way it asked for. */
function requireNoObject(sent: Sent, to: ClientAddress): void {
  const object = sent.get('request')
  if (object === undefined) return
  const refuse = refuseAt(addressInObject(object, sent, to))
  throw refuse('request_not_supported', 'request objects are not supported: send the parameters themselves')
}

function requireSupported(sent: Sent, refuse: Refuse): void {
  if (sent.get('request_uri') !== undefined)
    throw refuse('request_uri_not_supported', 'request_uri is not supported: send the parameters themselves')
  if (sent.get('registration') !== undefined)
    throw refuse('registration_not_supported', 'registration is not supported: an operator registers the client')
}

/** @param request whatever of it a stranger chose, which is kept until somebody has signed in */
function requireBounded(request: AuthorizationRequest, refuse: Refuse): void {
  if (JSON.stringify(request).length > MOST_KEPT_CHARACTERS) throw refuse('invalid_request', TOO_LONG)
}

function requireCodeFlow(sent: Sent, client: ClientRecord, refuse: Refuse): void {
  const type = sent.get('response_type')
  if (type === undefined) throw refuse('invalid_request', 'response_type is missing: code is right')
  if (type !== 'code') throw refuse('unsupported_response_type', 'response_type is code; no other is supported')
  if (client.grantTypes.includes(AUTHORIZATION_CODE)) return
  throw refuse(
    'unauthorized_client',
    `the client is not registered for the grant ${AUTHORIZATION_CODE}: ${updateCommand(client.clientId, '--grant', [AUTHORIZATION_CODE, ...client.grantTypes])}`,
  )
}

function readPrompt(sent: Sent, { isSignUpOn }: RequestNeeds, refuse: Refuse): string[] {
  const prompt = words(sent.get('prompt'))
  if (prompt.includes('none') && prompt.length > 1)
    throw refuse('invalid_request', 'prompt=none stands alone: it cannot be joined with another value')
  const unknown = prompt.some((each) => !PROMPTS.includes(each))
  if (unknown) throw refuse('invalid_request', `prompt knows ${PROMPTS.join(', ')}`)
  if (prompt.includes('create') && !isSignUpOn)
    throw refuse('invalid_request', 'prompt=create: nobody can sign up here (SIGNET_SIGNUP)')
  return prompt
}

/** PKCE (RFC 7636, RFC 9700 §2.1.1) with S256 alone. */
function readChallenge(sent: Sent, client: ClientRecord, refuse: Refuse): string | null {
  const challenge = sent.get('code_challenge')
  const method = sent.get('code_challenge_method')
  if (challenge === undefined) {
    if (method !== undefined) throw refuse('invalid_request', 'code_challenge_method came without code_challenge')
    if (isPublicClient(client))
      throw refuse(
        'invalid_request',
        'code_challenge is missing: a public client needs PKCE with S256',
        'PKCE required',
      )
    if (!client.requirePkce) return null
    throw refuse(
      'invalid_request',
      `code_challenge is missing: this client needs PKCE with S256; for an app that cannot do it: signet client update ${wordOr('ID', client.clientId)} --require-pkce false`,
      'PKCE required: the client sent no code_challenge',
    )
  }
  if (method !== 'S256')
    throw refuse('invalid_request', 'code_challenge_method is S256; plain, the default, is not supported')
  if (SHA256_TEXT.test(challenge)) return challenge
  throw refuse('invalid_request', 'code_challenge has 43 characters of base64url: the SHA-256 of the verifier')
}

function readTarget(
  sent: Sent,
  client: ClientRecord,
  { resources: directory }: RequestNeeds,
  refuse: Refuse,
): Pick<AuthorizationRequest, 'resources' | 'scope'> {
  try {
    const chosen = chooseResources(sent.all('resource'), client, directory)
    const disabled = chosen.find(({ disabledAt }) => disabledAt !== null)
    if (disabled) throw refuse('invalid_target', `resource ${disabled.id} is disabled`)
    return { resources: chosen.map(({ id }) => id), scope: scopeOfClient(sent.get('scope'), client, chosen) }
  } catch (error) {
    if (error instanceof OAuthError) throw refuse('invalid_target', error.message, error.reason)
    throw error
  }
}

function readMaxAge(sent: Sent, refuse: Refuse): number | null {
  const text = sent.get('max_age')
  if (text === undefined) return null
  if (!/^\d{1,10}$/.test(text)) throw refuse('invalid_request', 'max_age is a number of seconds')
  return Number(text)
}

/** An essential `acr` of the `claims` parameter wins over `acr_values` (OIDC Core §5.5.1.1). */
function readAcr(sent: Sent, asked: AskedClaims): Pick<AuthorizationRequest, 'acrValues' | 'isAcrEssential'> {
  const inQuery = words(sent.get('acr_values'))
  const isFromClaims = asked.isAcrEssential || inQuery.length === 0
  return { acrValues: isFromClaims ? asked.acrValues : inQuery, isAcrEssential: asked.isAcrEssential }
}

/**
 * The person of a genuine `id_token_hint`. A text that proves nothing says nothing: the person is asked. If nobody
 * may be asked, it could be about another person.
 */
async function readHintedSub(
  sent: Sent,
  { client, prompt }: { client: ClientRecord; prompt: string[] },
  { readHint }: RequestNeeds,
  refuse: Refuse,
): Promise<string | null> {
  const text = sent.get('id_token_hint')
  if (text === undefined) return null
  const hint = await readHint(text)
  if (hint?.clientId === client.clientId) return hint.sub
  if (prompt.includes('none'))
    throw refuse('login_required', 'the person has to sign in', 'id_token_hint is no ID token of this client')
  return null
}

/**
 * The name that the sign-in page suggests for the person of an `id_token_hint`. A client that people have to consent to may
 * know no more of a person than the `sub`, so it learns no name from the page. Neither does anybody by the `sub` of the
 * parameter `claims`, which nobody has signed.
 */
async function nameOf(
  provenSub: string | null,
  { client, prompt }: { client: ClientRecord; prompt: string[] },
  { findName }: RequestNeeds,
): Promise<string | null> {
  if (provenSub === null || client.consent !== 'skip' || prompt.includes('none')) return null
  return (await findName(provenSub)) ?? null
}

function readProofKey(sent: Sent, refuse: Refuse): string | null {
  const thumbprint = sent.get('dpop_jkt')
  if (thumbprint === undefined || SHA256_TEXT.test(thumbprint)) return thumbprint ?? null
  throw refuse('invalid_request', 'dpop_jkt is the SHA-256 thumbprint of a key: 43 characters of base64url')
}

const words = (text: string | undefined): string[] =>
  [...new Set(text?.split(' ').filter(Boolean))].slice(0, MOST_WORDS)
