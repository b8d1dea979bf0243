/** Guards for Hono. It loads no framework. */
import type { Context, Handler, MiddlewareHandler } from 'hono'
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

function refuse(c: Context, error: unknown): Response {
  if (!(error instanceof TokenError)) throw error
  return c.json(error.body, error.status, error.headers)
}
