/** The API: guards in front of routes, and the verifier itself where a route has expectations of its own. */
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import { profileOf, TokenError, type TokenVerifier } from 'signet-verify'
import type { ExpressAuth } from 'signet-verify/express'
import { textIn } from '../issuer-calls.ts'

export const AUDIENCE = 'https://shop-api.example'

export function createApi(verifier: TokenVerifier, auth: ExpressAuth): Express {
  const app = express()
  app.disable('x-powered-by')
  app.use(express.json({ limit: '20kb' }))

  // `req.auth.claims` come from a verified token; `profileOf` treats absent claims and claims of wrong types as no right.
  app.get('/profile', auth.requireAuth(), (req, res) => void res.json(profileOf(req.auth.claims)))
  app.get('/claims', auth.requireAuth(), (req, res) => void res.json(req.auth.claims))
  app.get('/auth/me', auth.me())

  app.get('/orders', auth.requireScope('orders:read'), (req, res) => void res.json({ of: req.auth.claims.org_slug }))
  app.post('/orders', auth.requireScope('orders:read', 'orders:write'), (_req, res) => void res.status(201).json({}))
  app.get('/staff', auth.requireRole('admin', 'clerk'), (_req, res) => void res.json({}))
  app.post('/refunds', auth.requirePermission('orders.refund'), (_req, res) => void res.status(201).json({}))
  app.get('/reports', auth.requireAnyPermission(['reports.read', 'orders.refund']), (_req, res) => void res.json({}))
  app.get('/platform', auth.requirePlatformOwner(), (_req, res) => void res.json({}))

  app.post('/verify', verifyWith(verifier))
  app.use(refuse)
  return app
}

/** Verifies a token in the body, with the issuer and audience that stand beside it. */
const verifyWith =
  (verifier: TokenVerifier): RequestHandler =>
  async ({ body }, res) => {
    const [issuer, audience] = [textIn(body, 'issuer'), textIn(body, 'audience')]
    const { claims, header } = await verifier.verifyToken(textIn(body, 'token'), {
      ...(issuer !== '' && { issuer }),
      audience: audience || AUDIENCE,
      clockTolerance: 10,
    })
    res.json({ claims, header })
  }

/** The same refusals as those of the guards, for routes that call the verifier. */
const refuse: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (!(error instanceof TokenError)) return next(error)
  res.status(error.status).set(error.headers).json(error.body)
}
