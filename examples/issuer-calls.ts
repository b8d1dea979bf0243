/** The requests of a backend to Signet, in plain `fetch`: no package is needed. */
import type { ClientSecret } from './local-signet.ts'

/** The grant type for a person whom a trusted backend signed in itself. */
const SUBJECT_GRANT = 'urn:signet:params:oauth:grant-type:subject'

/** Signet's response, to read or to send on. */
export interface IssuerAnswer {
  status: number
  body: Readonly<Record<string, unknown>>
}

export interface Person {
  subject: string
  /** Facts about the person. The client may only send claims that its `allowed_claims` name. */
  claims?: Record<string, unknown>
}

/** Signet as one client sees it. */
export class IssuerClient {
  readonly #issuer: string
  readonly #basic: string

  constructor(issuer: string, { id, secretIn }: ClientSecret) {
    this.#issuer = issuer
    this.#basic = `Basic ${Buffer.from(`${id}:${process.env[secretIn]}`).toString('base64')}`
  }

  /** Gets tokens for a person, for one resource; with the scope `offline_access` also a refresh token. */
  tokensFor({ subject, claims = {} }: Person, resource: string, scope: string): Promise<IssuerAnswer> {
    const subjectClaims = JSON.stringify(claims)
    return this.#post('/token', { grant_type: SUBJECT_GRANT, subject, subject_claims: subjectClaims, resource, scope })
  }

  refresh(refreshToken: string): Promise<IssuerAnswer> {
    return this.#post('/refresh', { refresh_token: refreshToken })
  }

  /** The same by JSON, which Signet's `/refresh` takes too. */
  async refreshByJson(refreshToken: string): Promise<IssuerAnswer> {
    const headers = { authorization: this.#basic, 'content-type': 'application/json' }
    const body = JSON.stringify({ refresh_token: refreshToken })
    return answerOf(await fetch(`${this.#issuer}/refresh`, { method: 'POST', headers, body }))
  }

  /** Asks whether a token for one of this client's resources is still good (RFC 7662). */
  introspect(token: string): Promise<IssuerAnswer> {
    return this.#post('/introspect', { token })
  }

  /** Calls an endpoint for administrators, with a token of this client's own. */
  async administer(path: string, json: unknown): Promise<IssuerAnswer> {
    const { status, body } = await this.#post('/token', { grant_type: 'client_credentials' })
    if (status !== 200) return { status, body }
    const headers = { authorization: `Bearer ${String(body.access_token)}`, 'content-type': 'application/json' }
    return answerOf(await fetch(this.#issuer + path, { method: 'POST', headers, body: JSON.stringify(json) }))
  }

  async #post(path: string, form: Record<string, string>): Promise<IssuerAnswer> {
    const body = new URLSearchParams(form)
    return answerOf(await fetch(this.#issuer + path, { method: 'POST', headers: { authorization: this.#basic }, body }))
  }
}

async function answerOf(response: Response): Promise<IssuerAnswer> {
  // Signet sends JSON objects; the key list is an array, which is sent on unchanged.
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** Reads a text from an untrusted JSON body; `''` for any other value. */
export function textIn(body: unknown, name: string): string {
  if (typeof body !== 'object' || body === null || !(name in body)) return ''
  const value = (body as Record<string, unknown>)[name]
  return typeof value === 'string' ? value : ''
}
