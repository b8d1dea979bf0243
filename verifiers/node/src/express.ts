/** Guards and sign-in for Express 4 and 5, and for other frameworks with `(req, res, next)`. It loads no framework. */
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
import { onHead } from './node-response.ts'
import { PublishedResource, type ProtectedResourceOptions } from './published-resource.ts'
import type { Answer } from './answer.ts'
import { formOf, pathOf, readForm, requireForm, type AppRequest } from './app-request.ts'
import type { SignInOptions } from './sign-in-settings.ts'
import { SignIn, type SignedIn } from './sign-in.ts'
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
type ExpressRequest = IncomingMessage & { originalUrl?: string; protocol?: string; auth?: Auth; body?: unknown }
export type ExpressHandler = (
  request: ExpressRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void
export interface ExpressSignIn extends ExpressHandler {
  /** The person who is signed in, for routes of the app. */
  signedIn(request: ExpressRequest): Promise<SignedIn | undefined>
  close(): Promise<void>
}
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

/**
 * Routes for people who sign in, below `/auth`: `app.use(signIn({ … }))`, at the root of the app.
 * @throws TypeError naming the option that is wrong
 */
export function signIn(options: SignInOptions): ExpressSignIn {
  const core = new SignIn(options)
  const handler: ExpressHandler = (request, response, next) => {
    const route = core.routeOf(pathOf(targetOf(request)))
    if (route === undefined) return next()
    void orNext(next, async () => sendAnswer(request, response, await core.answer(route, appRequest(request))))
  }
  return Object.assign(handler, {
    signedIn: (request: ExpressRequest) => core.signedIn(appRequest(request)),
    close: () => core.close(),
  })
}

/**
 * Serves the API's metadata (RFC 9728), and points to it in every 401 that comes later: `app.use(protectedResource({ … }))`
 * before the routes.
 * @throws TypeError naming the option that is wrong
 */
export function protectedResource(options: ProtectedResourceOptions): ExpressHandler {
  const resource = new PublishedResource(options)
  return (request, response, next) => {
    const answer = resource.answer(request.method ?? 'GET', targetOf(request))
    if (answer) return sendAnswer(request, response, answer)
    onHead(response, (status, challenge) => resource.challenge(status, challenge))
    next()
  }
}

const targetOf = (request: ExpressRequest): string => request.originalUrl ?? request.url ?? '/'

const appRequest = (request: ExpressRequest): AppRequest => ({
  ...incoming(request),
  async form() {
    requireForm(request.headers['content-type'])
    // A parser that stands before has taken the body.
    if (request.body !== undefined && request.readableEnded) return formOf(request.body)
    // A refused body is left unread, so that the connection can still carry the answer.
    return readForm(request.iterator({ destroyOnReturn: false }))
  },
})

function sendAnswer(
  request: ExpressRequest,
  response: ServerResponse,
  { status, headers, cookies, body }: Answer,
): void {
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  if (cookies.length > 0) response.setHeader('set-cookie', cookies)
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** HTTP/2 has `:authority` instead of Host. */
const hostOf = (request: ExpressRequest): string | undefined =>
  hasOneHost(request) ? (request.headers.host ?? nodeHeader(request, ':authority')) : undefined

const incoming = (request: ExpressRequest): IncomingRequest => ({
  method: request.method ?? 'GET',
  origin: () => ({ scheme: request.protocol ?? 'http', host: hostOf(request) }),
  target: () => targetOf(request),
  header: (name) => nodeHeader(request, name),
})

function send(response: ServerResponse, status: number, headers: Record<string, string>, body: unknown): void {
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.setHeader('content-type', 'application/json; charset=utf-8')
  response.end(JSON.stringify(body))
}
