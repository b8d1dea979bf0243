/** Guards for Express 4 and 5, and for whatever else takes `(req, res, next)`. Loads no framework by itself. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { IncomingRequest } from './credentials.ts'
import { guardFromEnv, type EnvOptions } from './env.ts'
import { TokenError } from './errors.ts'
import {
  createGuard,
  meOf,
  middlewareOf,
  type AuthMiddleware,
  type AuthMiddlewareOptions,
  type Guard,
  type Terms,
} from './guard.ts'
import { nodeHeader } from './node-request.ts'
import type { Auth } from './token.ts'

declare global {
  // The place that Express's own types keep open for this.
  // eslint-disable-next-line typescript/no-namespace
  namespace Express {
    interface Request {
      /** The verified token: there behind a guard, `undefined` elsewhere. */
      auth: Auth
    }
  }
}

/** What is used of Express's request. */
type ExpressRequest = IncomingMessage & { originalUrl?: string; protocol?: string; auth?: Auth }
export type ExpressHandler = (
  request: ExpressRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void
export type ExpressAuth = AuthMiddleware<ExpressHandler, ExpressHandler>

/** @throws TypeError naming the option that is wrong */
export const createAuthMiddleware = (options: AuthMiddlewareOptions): ExpressAuth => adapt(createGuard(options))

/** Reads the `AUTH_…` variables. @throws TypeError naming the variable that is missing or wrong */
export const authFromEnv = (options?: EnvOptions): ExpressAuth => adapt(guardFromEnv(options))

const adapt = (guard: Guard): ExpressAuth => {
  /** Lets a request pass, or answers it. */
  const admit = async (
    request: ExpressRequest,
    response: ServerResponse,
    next: (error?: unknown) => void,
    { terms, pass }: { terms?: Terms; pass: (auth: Auth | undefined) => void },
  ): Promise<void> => {
    let auth: Auth | undefined
    try {
      auth = await guard.admit(request, incoming(request), terms)
    } catch (error) {
      if (error instanceof TokenError) send(response, error.status, error.headers, error.body)
      else next(error)
      return
    }
    if (auth) request.auth = auth
    pass(auth)
  }
  return middlewareOf<ExpressHandler, ExpressHandler>(
    guard,
    (terms) => (request, response, next) => void admit(request, response, next, { terms, pass: () => next() }),
    () => (request, response, next) =>
      void admit(request, response, next, {
        pass: (auth) => send(response, 200, { 'cache-control': 'no-store' }, meOf(auth)),
      }),
  )
}

const incoming = (request: ExpressRequest): IncomingRequest => ({
  method: request.method ?? 'GET',
  url: () =>
    `${request.protocol ?? 'http'}://${request.headers.host ?? 'localhost'}${request.originalUrl ?? request.url ?? '/'}`,
  header: (name) => nodeHeader(request, name),
})

function send(response: ServerResponse, status: number, headers: Record<string, string>, body: unknown): void {
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.setHeader('content-type', 'application/json; charset=utf-8')
  response.end(JSON.stringify(body))
}
