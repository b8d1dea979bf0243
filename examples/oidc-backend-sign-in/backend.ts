/** A backend of its own callback: `signIn()` brings `/auth/login`, `/auth/callback`, `/auth/logout` and `/auth/me`. */
import express, { type Express, type RequestHandler } from 'express'
import { signIn, type ExpressSignIn } from 'signet-verify/express'
import { AUDIENCE } from '../oidc-backend/api.ts'

export interface BackendOptions {
  issuer: string
  clientId: string
  clientSecret: string
  /** Where people see it, and where its API is. */
  url: string
  api: string
  /** Hands the access token to its page in the fragment, for pages that call the API by themselves. */
  fragment: boolean
}

export interface Backend {
  app: Express
  close(): Promise<void>
}

export const SCOPE = 'openid profile email orders:read orders:write offline_access'

export function createBackend({ issuer, clientId, clientSecret, url, api, fragment }: BackendOptions): Backend {
  const people = signIn({
    issuer,
    clientId,
    clientSecret,
    scope: SCOPE,
    resource: AUDIENCE,
    publicOrigin: url,
    fragment,
  })
  const app = express()
  app.disable('x-powered-by')
  app.use(people)
  app.get('/', homeOf(people))
  app.get('/my/profile', profileBy(people, api))
  return { app, close: () => people.close() }
}

/** Calls the API in the name of the person; the token stays in this process. */
const profileBy =
  (people: ExpressSignIn, api: string): RequestHandler =>
  async (request, response) => {
    const person = await people.signedIn(request)
    if (!person) return void response.status(401).json({ error: 'signed_out' })
    const answer = await fetch(`${api}/profile`, { headers: { authorization: `Bearer ${person.accessToken}` } })
    response.status(answer.status).json(await answer.json())
  }

/** The links that make sense for the person, or for nobody. */
const homeOf =
  (people: ExpressSignIn): RequestHandler =>
  async (request, response) => {
    const person = await people.signedIn(request)
    response.type('html').send(pageWith(person ? SIGNED_IN : SIGNED_OUT))
  }

const SIGNED_OUT = 'Nobody is signed in. <a href="/auth/login">Sign in</a>'
const SIGNED_IN =
  'You are signed in. <a href="/auth/me">Who am I?</a> <a href="/my/profile">My profile</a> <a href="/auth/logout">Sign out</a>'

const pageWith = (links: string): string => `<!doctype html>
<html lang="en"><title>Shop</title>
<p>${links}</p>
</html>
`
