/** Guards and sign-in for Hono. It loads no framework. */
import type { Context, Handler, Hono, MiddlewareHandler } from 'hono'
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
import type { Answer } from './answer.ts'
import { formOf, pathOf, readForm, requireForm, type AppRequest } from './app-request.ts'
import type { SignInOptions } from './sign-in-settings.ts'
import { SignIn, type SignedIn } from './sign-in.ts'
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

/** Routes that are used as middleware, or mounted. */
export type HonoRoutes = MiddlewareHandler & Hono

export type HonoSignIn = HonoRoutes & {
  /** The person who is signed in, for routes of the app. */
  signedIn(c: Context): Promise<SignedIn | undefined>
  close(): Promise<void>
}

/**
 * Routes for people who sign in, below `/auth`: `app.route('/', signIn({ … }))`, or `app.use(signIn({ … }))`.
 * @throws TypeError naming the option that is wrong
 */
export function signIn(options: SignInOptions): HonoSignIn {
  const core = new SignIn(options)
  const middleware: MiddlewareHandler = async (c, next) => {
    const route = core.routeOf(pathOf(targetOf(c)))
    if (route === undefined) return next()
    return responseOf(await core.answer(route, appRequest(c)))
  }
  return Object.assign(mountable(middleware), {
    signedIn: (c: Context) => core.signedIn(appRequest(c)),
    close: () => core.close(),
  })
}

/**
 * Serves the API's metadata (RFC 9728), and points to it in every 401 of routes that come later:
 * `app.use(protectedResource({ … }))`, or `app.route('/', protectedResource({ … }))`.
 * @throws TypeError naming the option that is wrong
 */
export function protectedResource(options: ProtectedResourceOptions): HonoRoutes {
  const resource = new PublishedResource(options)
  return mountable(async (c, next) => {
    const answer = resource.answer(c.req.method, targetOf(c))
    if (answer) return responseOf(answer)
    await next()
    const challenge = resource.challenge(c.res.status, c.res.headers.get('www-authenticate') ?? undefined)
    if (challenge !== undefined) c.header('www-authenticate', challenge)
  })
}

/** An error is for the app that the middleware is mounted in. */
const passOn = (error: Error): never => {
  throw error
}

/** Middleware that `app.route('/', …)` takes too, with itself as the only route. */
function mountable(middleware: MiddlewareHandler): HonoRoutes {
  const routes = [{ method: 'ALL', path: '/*', basePath: '/', handler: middleware }]
  // `route()` reads these two members. A Hono of its own would have to be loaded.
  return Object.assign(middleware, { routes, errorHandler: passOn }) as unknown as HonoRoutes
}

const targetOf = (c: Context): string => webRequest(c.req.raw).target()

const appRequest = (c: Context): AppRequest => ({
  ...webRequest(c.req.raw),
  async form() {
    requireForm(c.req.header('content-type'))
    const { body, bodyUsed } = c.req.raw
    // Middleware that stands before may have taken the body; Hono remembers it.
    return bodyUsed || body === null ? formOf(await c.req.text()) : readForm(body)
  },
})

function responseOf({ status, headers, cookies, body }: Answer): Response {
  const response = new Response(body === '' ? null : body, { status, headers })
  for (const cookie of cookies) response.headers.append('set-cookie', cookie)
  return response
}

function refuse(c: Context, error: unknown): Response {
  if (!(error instanceof TokenError)) throw error
  return c.json(error.body, error.status, error.headers)
}
