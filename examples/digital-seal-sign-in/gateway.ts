/** The gateway's routes: people sign in and renew, and `jsonwebtoken` with `jwks-rsa` decides about their tokens. */
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import type jwt from 'jsonwebtoken'
import { TokenError } from 'signet-verify'
import type { CodeFlow } from '../code-flow.ts'
import { createSecondVerifier, type SecondVerifier } from '../digital-seal/second-verifier.ts'
import { textIn, type IssuerClient } from '../issuer-calls.ts'

export interface GatewayParts {
  flow: CodeFlow
  verifier: SecondVerifier
  signet: IssuerClient
}

export const AUDIENCE = 'https://seal.example'

/** `jsonwebtoken` with `jwks-rsa`, for clocks that differ by up to 30 seconds. */
export const createVerifier = (issuer: string): SecondVerifier =>
  createSecondVerifier({ issuer, audience: [AUDIENCE], clockToleranceSeconds: 30 })

/** The role that may seal; everybody who is signed in may look. */
const SEALER = 'sealer'

export function createGateway({ flow, verifier, signet }: GatewayParts): Express {
  const app = express()
  app.disable('x-powered-by')
  app.use(express.json({ limit: '20kb' }))

  app.get('/sign-in', beginBy(flow))
  app.get('/callback', finishBy(flow))
  app.post('/refresh', renewBy(signet))

  const person = claimsBy(verifier)
  app.get('/check', person, (_request, response) => void response.json(response.locals.claims))
  app.post('/seal', person, (_request, response) => {
    const claims = response.locals.claims as jwt.JwtPayload // by `claimsBy`
    if (!Array.isArray(claims.roles) || !claims.roles.includes(SEALER))
      throw new TokenError('insufficient_scope', `this needs the role ${SEALER}`)
    response.status(201).json({ sealed_by: claims.name })
  })
  app.use(refuse)
  return app
}

const beginBy =
  (flow: CodeFlow): RequestHandler =>
  async (_request, response) => {
    const { location, cookie } = await flow.begin()
    response.set('set-cookie', cookie).redirect(303, location)
  }

const finishBy =
  (flow: CodeFlow): RequestHandler =>
  async ({ originalUrl, headers: { cookie } }, response) => {
    const tokens = await flow.finish(originalUrl, cookie)
    if (!tokens) return void response.status(400).json({ error: 'sign_in_failed', error_description: 'open /sign-in' })
    const { access_token, refresh_token, expires_in } = tokens
    response.set('cache-control', 'no-store').json({ access_token, refresh_token, expires_in })
  }

const renewBy =
  (signet: IssuerClient): RequestHandler =>
  async ({ body: asked }, response) => {
    const { status, body } = await signet.refreshByJson(textIn(asked, 'refresh_token'))
    response.status(status).set('cache-control', 'no-store').json(body)
  }

/** Puts the claims of a good token into `response.locals`. */
const claimsBy =
  (verifier: SecondVerifier): RequestHandler =>
  async (request, response, next) => {
    const [, token] = /^Bearer +(\S+)$/i.exec(request.get('authorization') ?? '') ?? []
    if (token === undefined) throw new TokenError('missing_token', 'send: Authorization: Bearer TOKEN')
    response.locals.claims = (await verifier.verify(token)).claims
    next()
  }

const refuse: ErrorRequestHandler = (error: TokenError | { status?: number }, _request, response, next) => {
  if (error instanceof TokenError) return void response.status(error.status).set(error.headers).json(error.body)
  if (error.status === undefined || error.status >= 500) return next(error)
  response.status(error.status).json({ error: 'invalid_request', error_description: 'send a small JSON object' })
}
