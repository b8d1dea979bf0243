/** The cookies of the app: one for the session, one for each sign-in under way. */
import { findCookie } from './credentials.ts'
import { sha256 } from './digest.ts'
import type { IncomingRequest } from './incoming-request.ts'

/** So many sign-ins may be under way in one browser; an attacker's links must not fill the header of cookies. */
const MOST_SIGN_INS = 5

export class AppCookies {
  readonly #session: string
  readonly #login: string
  readonly #attributes: string

  /** @param publicOrigin `https`: only this host can set the cookies (`__Host-`). On loopback `http` there is no such prefix. */
  constructor(publicOrigin: string) {
    const { protocol, port } = new URL(publicOrigin)
    const isSecure = protocol === 'https:'
    // Cookies know no ports, and several apps may run on one loopback host.
    const name = (kind: string) => (isSecure ? `__Host-app_${kind}` : `app_${kind}${port && `_${port}`}`)
    this.#session = name('session')
    this.#login = name('login')
    this.#attributes = `Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`
  }

  session(request: IncomingRequest): string | undefined {
    return findCookie(request.header('cookie') ?? '', this.#session)
  }

  setSession(secret: string): string {
    return `${this.#session}=${secret}; ${this.#attributes}`
  }

  clearSession(): string {
    return this.#clear(this.#session)
  }

  login(request: IncomingRequest, state: string): string | undefined {
    return findCookie(request.header('cookie') ?? '', this.#nameOf(state))
  }

  setLogin(state: string, sealed: string, seconds: number): string {
    return `${this.#nameOf(state)}=${sealed}; ${this.#attributes}; Max-Age=${seconds}`
  }

  clearLogin(state: string): string {
    return this.#clear(this.#nameOf(state))
  }

  /** Removes the cookies of other sign-ins, once there are many. */
  clearMany(request: IncomingRequest): string[] {
    const names = (request.header('cookie') ?? '')
      .split(';')
      .map((pair) => pair.slice(0, Math.max(0, pair.indexOf('='))).trim())
      .filter((name) => name.startsWith(`${this.#login}-`))
    return names.length < MOST_SIGN_INS ? [] : [...new Set(names)].map((name) => this.#clear(name))
  }

  /** Sign-ins in several tabs do not disturb each other. */
  #nameOf(state: string): string {
    return `${this.#login}-${sha256(state).slice(0, 12)}`
  }

  #clear(name: string): string {
    return `${name}=; ${this.#attributes}; Max-Age=0`
  }
}
