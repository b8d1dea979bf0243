/** The app's calls to the issuer: where a person signs in and out, and what is asked for with the app's own secret. */
import type { Clock } from './clock.ts'
import { getJson, RequestFault } from './get-document.ts'
import { addressIn, findMetadata, type IssuerMetadata } from './issuer-metadata.ts'
import { postForm } from './post-form.ts'
import { SignInFault } from './sign-in-fault.ts'
import type { SignInSettings } from './sign-in-settings.ts'

/** The addresses of the issuer that a sign-in needs. */
export interface Endpoints {
  authorization: string
  token: string
  /** Absent at issuers without RP-initiated logout. */
  endSession: string | undefined
  revocation: string | undefined
  /** Whether every answer names its issuer (RFC 9207). */
  namesIssuer: boolean
}

/** The issuer's answer to a code or a refresh token (RFC 6749 §5.1). */
export interface TokenReply {
  accessToken: string
  expiresInSeconds: number | undefined
  refreshToken: string | undefined
  idToken: string | undefined
  scope: string | undefined
}

/** The issuer answered with an error of RFC 6749 §5.2. */
export class IssuerRefusal extends Error {
  readonly code: string

  constructor(code: string, description: unknown) {
    super(`${code}${typeof description === 'string' ? `: ${description}` : ''}`)
    this.name = 'IssuerRefusal'
    this.code = code
  }
}

const KNOWN_FOR_MS = 3_600_000
const MOST_BYTES = 524_288

export class IssuerCalls {
  readonly #settings: SignInSettings
  readonly #clock: Clock
  readonly #closing = new AbortController()
  #toldRefusal: string | undefined
  #known: { endpoints: Promise<Endpoints>; at: number } | undefined

  constructor(settings: SignInSettings) {
    this.#settings = settings
    this.#clock = settings.tokens.clock
  }

  close(): void {
    this.#closing.abort()
  }

  /** By discovery, once an hour. @throws SignInFault `issuer_unavailable` */
  async endpoints(): Promise<Endpoints> {
    const known = this.#known
    if (known && this.#clock.elapsed() - known.at < KNOWN_FOR_MS) return known.endpoints
    // All who wait for this answer get the same fault.
    const endpoints = this.#discover().catch((cause: unknown) => {
      if (this.#known === asked) this.#known = undefined
      throw unavailable(cause)
    })
    const asked = { endpoints, at: this.#clock.elapsed() }
    this.#known = asked
    return endpoints
  }

  /** @throws SignInFault `invalid_grant`, `issuer_unavailable` */
  async redeem(code: string, verifier: string): Promise<TokenReply> {
    const { redirectUri, resources } = this.#settings
    const form = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    })
    for (const resource of resources) form.append('resource', resource)
    try {
      return await this.#askForTokens(form)
    } catch (cause) {
      throw cause instanceof IssuerRefusal
        ? new SignInFault('invalid_grant', `the issuer did not take the code: ${cause.message}`, { cause })
        : cause
    }
  }

  /**
   * Any other refusal than `invalid_grant` is about this app: its secret was rotated, its registration was changed. It is
   * mended by the operator, so the person is not signed out for it.
   * @throws IssuerRefusal `invalid_grant`; SignInFault `issuer_unavailable`
   */
  async refresh(refreshToken: string): Promise<TokenReply> {
    try {
      const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
      const reply = await this.#askForTokens(form)
      this.#toldRefusal = undefined
      return reply
    } catch (cause) {
      if (!(cause instanceof IssuerRefusal) || cause.code === 'invalid_grant') throw cause
      const why = `the issuer refuses this app a refresh: ${cause.message}`
      this.#tell(why)
      throw new SignInFault('issuer_unavailable', why, { cause })
    }
  }

  /** Says a refusal once, and not with every request, until a refresh has succeeded. */
  #tell(refusal: string): void {
    if (this.#toldRefusal !== refusal) console.warn(`signet-verify: ${refusal}`)
    this.#toldRefusal = refusal
  }

  /** Ends a refresh token that nobody needs any more (RFC 7009). A failure only leaves it to expire. */
  async revoke(refreshToken: string | undefined): Promise<void> {
    if (refreshToken === undefined) return
    try {
      const { revocation } = await this.endpoints()
      const form = new URLSearchParams({ token: refreshToken, token_type_hint: 'refresh_token' })
      if (revocation !== undefined) await this.#post(revocation, form)
    } catch {
      // The session of the app has ended anyway.
    }
  }

  async #askForTokens(form: URLSearchParams): Promise<TokenReply> {
    const { token: url } = await this.endpoints()
    const { status, members } = await this.#post(url, form).catch((cause: unknown) => {
      throw unavailable(cause)
    })
    if (status >= 400 && status < 500 && status !== 429 && typeof members.error === 'string')
      throw new IssuerRefusal(members.error, members.error_description)
    if (status !== 200) throw unavailable(new RequestFault(url, `answered ${status}`, { status }))
    return readReply(url, members)
  }

  #post(url: string, form: URLSearchParams) {
    const { clientId, clientSecret, tokens } = this.#settings
    const headers: Record<string, string> = { 'user-agent': tokens.userAgent }
    if (clientSecret === undefined) form.set('client_id', clientId)
    else headers.authorization = basic(clientId, clientSecret)
    return postForm(url, form, { headers, signal: this.#closing.signal })
  }

  async #discover(): Promise<Endpoints> {
    const { issuer, userAgent } = this.#settings.tokens
    const metadata = await findMetadata(issuer, async (url) => {
      const answer = await getJson(url, { userAgent, maxBytes: MOST_BYTES, signal: this.#closing.signal })
      return { url, json: answer.changed ? answer.json : undefined }
    })
    return {
      authorization: addressIn(metadata, 'authorization_endpoint'),
      token: addressIn(metadata, 'token_endpoint'),
      endSession: optionalIn(metadata, 'end_session_endpoint'),
      revocation: optionalIn(metadata, 'revocation_endpoint'),
      namesIssuer: metadata.members.authorization_response_iss_parameter_supported === true,
    }
  }
}

const optionalIn = (metadata: IssuerMetadata, name: string): string | undefined =>
  metadata.members[name] === undefined ? undefined : addressIn(metadata, name)

const unavailable = (cause: unknown): SignInFault =>
  cause instanceof SignInFault
    ? cause
    : new SignInFault('issuer_unavailable', cause instanceof Error ? cause.message : 'the issuer cannot be asked', {
        cause,
      })

/** RFC 6749 §2.3.1: both parts are form-encoded first. */
function basic(clientId: string, secret: string): string {
  const encoded = (text: string) => new URLSearchParams({ '': text }).toString().slice(1)
  return `Basic ${Buffer.from(`${encoded(clientId)}:${encoded(secret)}`).toString('base64')}`
}

function readReply(url: string, members: Readonly<Record<string, unknown>>): TokenReply {
  const { access_token: accessToken, token_type: type, expires_in: expiresIn } = members
  if (typeof accessToken !== 'string' || accessToken === '')
    throw unavailable(new RequestFault(url, 'gave no access_token'))
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer')
    throw unavailable(new RequestFault(url, 'gave a token that is no Bearer token'))
  return {
    accessToken,
    expiresInSeconds: typeof expiresIn === 'number' && expiresIn > 0 ? expiresIn : undefined,
    refreshToken: textOf(members.refresh_token),
    idToken: textOf(members.id_token),
    scope: textOf(members.scope),
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
