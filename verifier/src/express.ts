/** Guards for Express 4 and 5, and for other frameworks with `(req, res, next)`. It loads no framework. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { IncomingRequest } from './incoming-request.ts'
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
import { hasOneHost, nodeHeader } from './node-request.ts'
import type { Auth } from './token.ts'

declare global {
  // Express's types expect additions to its request here.
  // eslint-disable-next-line typescript/no-namespace
  namespace Express {
    interface Request {
      /** The verified token behind a guard; `undefined` elsewhere. */
      auth: Auth
    }
  }
}

/** The members of Express's request that are used here. */
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
  const handler =
    (pass: (auth: Auth | undefined, ...passed: Parameters<ExpressHandler>) => void, terms?: Terms): ExpressHandler =>
    (request, response, next) =>
      void orNext(next, async () => {
        const auth = await admit(guard, request, { response, terms })
        if (auth === 'refused') return
        if (auth) request.auth = auth
        pass(auth, request, response, next)
      })
  return middlewareOf<ExpressHandler, ExpressHandler>(
    guard,
    (terms) => handler((_auth, _request, _response, next) => next(), terms),
    () => handler((auth, _request, response) => send(response, 200, { 'cache-control': 'no-store' }, meOf(auth))),
  )
}

/** Express 4 ignores promises, and an unhandled rejection ends the process. So every error goes to `next`. */
async function orNext(next: (error?: unknown) => void, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    next(error)
  }
}

/** Lets a request pass, or sends the refusal. */
async function admit(
  guard: Guard,
  request: ExpressRequest,
  { response, terms }: { response: ServerResponse; terms: Terms | undefined },
): Promise<Auth | undefined | 'refused'> {
  try {
    return await guard.admit(request, incoming(request), terms)
  } catch (error) {
    if (!(error instanceof TokenError)) throw error
    send(response, error.status, error.headers, error.body)
    return 'refused'
  }
}

/** HTTP/2 has `:authority` instead of Host. */
const hostOf = (request: ExpressRequest): string | undefined =>
  hasOneHost(request) ? (request.headers.host ?? nodeHeader(request, ':authority')) : undefined

const incoming = (request: ExpressRequest): IncomingRequest => ({
  method: request.method ?? 'GET',
  origin: () => ({ scheme: request.protocol ?? 'http', host: hostOf(request) }),
  target: () => request.originalUrl ?? request.url ?? '/',
  header: (name) => nodeHeader(request, name),
})

function send(response: ServerResponse, status: number, headers: Record<string, string>, body: unknown): void {
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.setHeader('content-type', 'application/json; charset=utf-8')
  response.end(JSON.stringify(body))
}
