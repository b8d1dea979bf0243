/** The gateway's routes: operators seal, blacklist and rotate; anybody may renew and check a seal. */
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import { TokenError } from 'signet-verify'
import type { ExpressAuth } from 'signet-verify/express'
import { textIn, type IssuerAnswer, type IssuerClient } from '../issuer-calls.ts'
import type { SecondVerifier } from './second-verifier.ts'

export interface GatewayParts {
  /** Guards the routes of operators. */
  operators: ExpressAuth
  /** Guards the routes that take a sealed token. */
  seals: ExpressAuth
  second: SecondVerifier
  /** The client that asks for tokens, and the one that administers. */
  sealer: IssuerClient
  administrator: IssuerClient
}

export function createGateway({ operators, seals, second, sealer, administrator }: GatewayParts): Express {
  const app = express()
  app.disable('x-powered-by')
  app.use(express.json({ limit: '20kb' }))

  const seal = (body: unknown) => {
    const claims = { department: textIn(body, 'department') || 'none' }
    const person = { subject: textIn(body, 'subject'), claims }
    return sealer.tokensFor(person, textIn(body, 'resource'), 'read offline_access')
  }
  const renew = (body: unknown) => sealer.refresh(textIn(body, 'refresh_token'))
  const blacklist = (body: unknown) => administrator.administer('/blacklist', body)
  const rotate = () => administrator.administer('/admin/api/keys/rotate', {})
  app.post('/seal', operators.requireAuth(), relay(seal))
  app.post('/refresh', relay(renew))
  app.post('/blacklist', operators.requireAuth(), relay(blacklist))
  app.post('/keys/rotate', operators.requireAuth(), relay(rotate))

  app.get('/check', seals.requireAuth(), ({ auth: { claims, header } }, response) => {
    response.json({ claims, header })
  })
  app.get('/check/second', withSecond(second))
  app.use(refuse)
  return app
}

/** Sends Signet's own response on, because a caller can act on it: `invalid_grant`, `invalid_target`, the time of a safe rotation. */
const relay =
  (ask: (body: unknown) => Promise<IssuerAnswer>): RequestHandler =>
  async (request, response) => {
    const { status, body } = await ask(request.body)
    response.status(status).set('cache-control', 'no-store').json(body)
  }

const withSecond =
  (second: SecondVerifier): RequestHandler =>
  async (request, response) => {
    const [, token] = /^Bearer +(\S+)$/i.exec(request.get('authorization') ?? '') ?? []
    if (token === undefined) throw new TokenError('missing_token', 'send: Authorization: Bearer TOKEN')
    response.json({ ...(await second.verify(token)), fetches: second.fetches() })
  }

/** The guards send their refusals themselves; this handles the second verifier, and a body that is no JSON. */
const refuse: ErrorRequestHandler = (error: TokenError | { status?: number }, _request, response, next) => {
  if (error instanceof TokenError) return void response.status(error.status).set(error.headers).json(error.body)
  if (error.status === undefined || error.status >= 500) return next(error)
  response.status(error.status).json({ error: 'invalid_request', error_description: 'send a small JSON object' })
}
