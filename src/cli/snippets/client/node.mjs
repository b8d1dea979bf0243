// Calls an API with tokens of client __CLIENT_ID__. Save as signet-tokens.mjs; Node 20 or newer.
//   npm install jose //? private_key_jwt
//
//   import { tokens } from './signet-tokens.mjs' //? client_credentials
//   const response = await tokens.fetch('__API_URL__') //? client_credentials
//   import { tokensOf } from './signet-tokens.mjs' //? subject
//   const response = await tokensOf('id-of-the-person').fetch('__API_URL__') //? subject
//
// A token is kept until shortly before its end, and all callers share one request for the next. No refresh token is needed:
// the client can ask for a new token at any time.
import { readFile } from 'node:fs/promises' //? private_key_jwt
import { SignJWT, importPKCS8 } from 'jose' //? private_key_jwt

const CLIENT_ID = '__CLIENT_ID__'
//? secret
// Shown once, when the client was made. A new one: signet client rotate-secret __CLIENT_ID__
const CLIENT_SECRET = readVariable('CLIENT_SECRET')
//? end
//? private_key_jwt
// A PEM file (PKCS #8) with the private half of the registered key.
const PRIVATE_KEY_FILE = readVariable('PRIVATE_KEY_FILE')
//? end

/** The last seconds of a token, in which it is replaced; a tenth of the life of a short one. */
const MARGIN_SECONDS = 60

export class SignetTokens {
  #form
  #kept
  #pending

  /** @param form the parameters of a token request besides client, resource and scope */
  constructor(form) {
    this.#form = form
  }

  /** An access token that is valid for a while. */
  async token() {
    if (this.#kept && Date.now() < this.#kept.renewAt) return this.#kept.token
    this.#pending ??= this.#renew().finally(() => (this.#pending = undefined))
    return this.#pending
  }

  /** Like fetch. After a 401, as for a revoked token, it tries once more with a new token; so a body is no stream. */
  async fetch(url, init = {}) {
    const token = await this.token()
    const response = await send(url, init, token)
    if (response.status !== 401) return response
    await response.body?.cancel()
    if (this.#kept?.token === token) this.#kept = undefined
    return send(url, init, await this.token())
  }

  async #renew() {
    try {
      this.#kept = await requestToken(this.#form)
    } catch (error) {
      // While the issuer is away, the present token is used until its end, and the next request waits a little.
      if (!this.#kept || Date.now() >= this.#kept.endsAt) throw error
      this.#kept.renewAt = Date.now() + 5000
    }
    return this.#kept.token
  }
}

/** @throws Error with the code and the description of the issuer */
async function requestToken(form) {
  const body = new URLSearchParams({ resource: '__AUDIENCE__', ...form })
  body.set('scope', '__SCOPES__') //? scope
  const headers = {}
  //? client_secret_basic
  // Both halves are form-encoded before they become Basic credentials (RFC 6749 §2.3.1).
  const credentials = `${encodeURIComponent(CLIENT_ID)}:${encodeURIComponent(CLIENT_SECRET)}`
  headers.authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
  //? end
  body.set('client_id', CLIENT_ID) //? client_secret_post private_key_jwt
  body.set('client_secret', CLIENT_SECRET) //? client_secret_post
  //? private_key_jwt
  body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
  body.set('client_assertion', await signAssertion())
  //? end
  const askedAt = Date.now()
  const response = await fetch('__TOKEN_ENDPOINT__', {
    method: 'POST',
    headers,
    body,
    redirect: 'error',
    signal: AbortSignal.timeout(10_000),
  })
  const answer = await response.json().catch(() => ({}))
  if (!response.ok || !answer.access_token)
    throw new Error(`no token: ${response.status} ${answer.error ?? ''} ${answer.error_description ?? ''}`)
  const seconds = answer.expires_in
  const margin = Math.min(MARGIN_SECONDS, seconds / 10)
  return { token: answer.access_token, renewAt: askedAt + (seconds - margin) * 1000, endsAt: askedAt + seconds * 1000 }
}
//? private_key_jwt

/** RFC 7523 §3: a new jti each time, and a short life. */
async function signAssertion() {
  const key = await importPKCS8(await readFile(PRIVATE_KEY_FILE, 'utf8'), '__KEY_ALG__')
  return new SignJWT()
    .setProtectedHeader({ alg: '__KEY_ALG__' }) //? no-kid
    .setProtectedHeader({ alg: '__KEY_ALG__', kid: '__KEY_ID__' }) //? kid
    .setIssuer(CLIENT_ID)
    .setSubject(CLIENT_ID)
    .setAudience('__ISSUER__')
    .setJti(crypto.randomUUID())
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(key)
}
//? end

function send(url, init, token) {
  const headers = new Headers(init.headers)
  headers.set('authorization', `Bearer ${token}`)
  return fetch(url, { ...init, headers })
}

function readVariable(name) {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set`)
  return value
}

//? client_credentials
export const tokens = new SignetTokens({ grant_type: 'client_credentials' })
//? end
//? subject
/** Tokens for a person whom you signed in; keep the object as long as the person's session. */
export function tokensOf(subject) {
  return new SignetTokens({ grant_type: '__SUBJECT_GRANT__', subject })
}
//? end
