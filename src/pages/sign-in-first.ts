/** A page that needs a session sends the person to sign in, and names where to come back. */
import { basePath } from '../http/endpoint-url.ts'

/** No session that will do: the person signs in first, and comes back. `page` answers it with 303 to /login. */
export class SignInFirst extends Error {
  /** A path of our own, with the path of the issuer before it. */
  readonly location: string

  constructor(issuer: string, returnTo: ReturnPath, isForced: boolean) {
    super('sign in first')
    this.name = 'SignInFirst'
    const asked = new URLSearchParams({ return_to: returnTo, ...(isForced && { prompt: 'login' }) })
    this.location = `${basePath(issuer)}/login?${asked.toString()}`
  }
}

/** The paths of account pages. */
export type AccountPath = '/account' | `/account/${string}`

/**
 * The places to which a sign-in without a client may lead: an account page, or the request of a client that a page of ours
 * refused.
 */
export type ReturnPath = AccountPath | `/authorize?${string}`
