/** Guards and sign-in for Hono. */
import { Hono, type Context, type Handler, type MiddlewareHandler } from 'hono'
import type { ContentfulStatusCode, StatusCode } from 'hono/utils/http-status'
import { webRequest } from './incoming-request.ts'
import { guardFromEnv, type EnvOptions } from './env.ts'
import { TokenError } from './errors.ts'
import {
  createGuard,
  meOf,
  middlewareOf,
  type AuthMiddleware,
  type AuthMiddlewareOptions,
  type Guard,
} from './guard.ts'
import { PublishedResource, type ProtectedResourceOptions } from './published-resource.ts'
import type { Answer } from './sign-in/answer.ts'
import { formOf, readForm, requireForm, type AppRequest } from './sign-in/app-request.ts'
import type { SignInOptions } from './sign-in/settings.ts'
import { SIGN_IN_PATHS, SignIn, type SignedIn } from './sign-in/sign-in.ts'
import type { Auth } from './token.ts'

declare module 'hono' {
  interface ContextVariableMap {
    /** The verified token behind a guard; `undefined` elsewhere. */
    auth: Auth
  }
}

export type HonoAuth = AuthMiddleware<MiddlewareHandler, Handler>

/** @throws TypeError naming the option that is wrong */
export const createAuthMiddleware = (options: AuthMiddlewareOptions): HonoAuth => adapt(createGuard(options))

/** Reads the `AUTH_…` variables. @throws TypeError naming the variable that is missing or wrong */
export const authFromEnv = (options?: EnvOptions): HonoAuth => adapt(guardFromEnv(options))

/** A request is recognised by its context, because middleware such as `bodyLimit` replaces the `Request` in it. */
const adapt = (guard: Guard): HonoAuth =>
  middlewareOf<MiddlewareHandler, Handler>(
    guard,
    (terms) => async (c, next) => {
      try {
        const auth = await guard.admit(c, webRequest(c.req.raw), terms)
        if (auth) c.set('auth', auth)
      } catch (error) {
        return refuse(c, error)
      }
      await next()
    },
    () => async (c) => {
      try {
        const auth = await guard.admit(c, webRequest(c.req.raw))
        return c.json(meOf(auth), 200, { 'cache-control': 'no-store' })
      } catch (error) {
        return refuse(c, error)
      }
    },
  )

/** Routes of a sign-in, and what an app asks of it. */
export type HonoSignIn = Hono & {
  /** The person who is signed in, for routes of the app. */
  signedIn(c: Context): Promise<SignedIn | undefined>
  close(): Promise<void>
}

/**
 * Routes for people who sign in, below `/auth`: `app.route('/', signIn({ … }))`.
 * @throws TypeError naming the option that is wrong
 */
export function signIn(options: SignInOptions): HonoSignIn {
  const core = new SignIn(options)
  const app = new Hono()
  for (const { route, path } of SIGN_IN_PATHS)
    app.all(path, async (c) => responseOf(c, await core.answer(route, appRequest(c))))
  return Object.assign(app, {
    signedIn: (c: Context) => core.signedIn(appRequest(c)),
    close: () => core.close(),
  })
}

/**
 * Serves the API's metadata (RFC 9728), and points to it in every 401 of routes that come later:
 * `app.use(protectedResource({ … }))`, or `app.route('/', protectedResource({ … }))`.
 * @throws TypeError naming the option that is wrong
 */
export function protectedResource(options: ProtectedResourceOptions): MiddlewareHandler & Hono {
  const resource = new PublishedResource(options)
  const middleware: MiddlewareHandler = async (c, next) => {
    const answer = resource.answer(c.req.method, webRequest(c.req.raw).target())
    if (answer) return responseOf(c, answer)
    await next()
    const challenge = resource.challenge(c.res.status, c.res.headers.get('www-authenticate') ?? undefined)
    if (challenge !== undefined) c.header('www-authenticate', challenge)
  }
  // Mounted like the routes of a sign-in, the middleware has itself as its only route.
  return Object.assign(middleware, new Hono().use('*', middleware))
}

const appRequest = (c: Context): AppRequest => ({
  ...webRequest(c.req.raw),
  async form() {
    requireForm(c.req.header('content-type'))
    const { body, bodyUsed } = c.req.raw
    // Middleware that stands before may have taken the body; Hono remembers it.
    return bodyUsed || body === null ? formOf(await c.req.text()) : readForm(body)
  },
})

function responseOf(c: Context, { status, headers, cookies, body }: Answer): Response {
  for (const cookie of cookies) c.header('set-cookie', cookie, { append: true })
  if (body === '') return c.body(null, status as StatusCode, headers) // both are from lists of our own
  return c.body(body, status as ContentfulStatusCode, headers)
}

function refuse(c: Context, error: unknown): Response {
  if (!(error instanceof TokenError)) throw error
  return c.json(error.body, error.status, error.headers)
}
