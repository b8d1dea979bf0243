/**
 * A person signs in to an app by the authorization code flow, with openid-client: state, nonce and the PKCE code verifier
 * wait in memory, bound to the browser by a cookie. `signIn()` of signet-verify brings the same as ready routes.
 */
import { randomBytes } from 'node:crypto'
import * as oidc from 'openid-client'
import type { ClientSecret } from './local-signet.ts'

/** Tokens, and the checked claims of the ID token by `claims()`. */
export type Tokens = Awaited<ReturnType<typeof oidc.authorizationCodeGrant>>

export interface Begun {
  /** The address of Signet to which the browser is sent. */
  location: string
  /** For the browser that begins; only that browser can finish. */
  cookie: string
}

interface Waiting {
  pkceCodeVerifier: string
  expectedState: string
  expectedNonce: string
}

const MOST_WAITING = 1000

export class CodeFlow {
  readonly #config: oidc.Configuration
  readonly #redirectUri: string
  readonly #parameters: Record<string, string>
  readonly #waiting = new Map<string, Waiting>()

  private constructor(config: oidc.Configuration, redirectUri: string, parameters: Record<string, string>) {
    this.#config = config
    this.#redirectUri = redirectUri
    this.#parameters = parameters
  }

  /** Reads the issuer's metadata. @param parameters of the request to /authorize, such as `scope` and `resource` */
  static async discover(
    issuer: string,
    { id, secretIn }: ClientSecret,
    redirectUri: string,
    parameters: Record<string, string>,
  ): Promise<CodeFlow> {
    // Plain http is for loopback alone; an issuer elsewhere has https.
    const execute = [oidc.allowInsecureRequests]
    const secret = process.env[secretIn] ?? ''
    const config = await oidc.discovery(new URL(issuer), id, secret, oidc.ClientSecretBasic(secret), { execute })
    return new CodeFlow(config, redirectUri, parameters)
  }

  /** @param more parameters of this request alone */
  async begin(more: Record<string, string> = {}): Promise<Begun> {
    const waiting = {
      pkceCodeVerifier: oidc.randomPKCECodeVerifier(),
      expectedState: oidc.randomState(),
      expectedNonce: oidc.randomNonce(),
    }
    const url = oidc.buildAuthorizationUrl(this.#config, {
      redirect_uri: this.#redirectUri,
      state: waiting.expectedState,
      nonce: waiting.expectedNonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(waiting.pkceCodeVerifier),
      code_challenge_method: 'S256',
      ...this.#parameters,
      ...more,
    })
    const secret = randomBytes(32).toString('base64url')
    this.#remember(secret, waiting)
    // With https: `__Host-sign_in` and Secure.
    return { location: url.href, cookie: `sign_in=${secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600` }
  }

  /**
   * Redeems the code of Signet's answer; each sign-in is finished once.
   * @param target path and query of the request to the redirect URI
   * @returns `undefined` where this browser has no sign-in under way, or the answer is not good
   */
  async finish(target: string, cookies = ''): Promise<Tokens | undefined> {
    const [, secret = ''] = /(?:^|; ?)sign_in=([\w-]+)/.exec(cookies) ?? []
    const waiting = this.#waiting.get(secret)
    this.#waiting.delete(secret)
    if (!waiting) return undefined
    try {
      return await oidc.authorizationCodeGrant(this.#config, new URL(target, this.#redirectUri), waiting)
    } catch {
      return undefined
    }
  }

  #remember(secret: string, waiting: Waiting): void {
    const [oldest] = this.#waiting.keys()
    if (this.#waiting.size >= MOST_WAITING && oldest !== undefined) this.#waiting.delete(oldest)
    this.#waiting.set(secret, waiting)
  }
}
