/** Guards for Fastify, as hooks: `{ preHandler: auth.requireAuth() }`. It loads no framework. */
import type { FastifyReply, FastifyRequest } from 'fastify'
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
} from './guard.ts'
import { hasOneHost, nodeHeader } from './node-request.ts'
import type { Auth } from './token.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The verified token behind a guard; `undefined` elsewhere. */
    auth: Auth
  }
}

export type FastifyHook = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>
export type FastifyAuth = AuthMiddleware<FastifyHook, FastifyHook>

/** @throws TypeError naming the option that is wrong */
export const createAuthMiddleware = (options: AuthMiddlewareOptions): FastifyAuth => adapt(createGuard(options))

/** Reads the `AUTH_…` variables. @throws TypeError naming the variable that is missing or wrong */
export const authFromEnv = (options?: EnvOptions): FastifyAuth => adapt(guardFromEnv(options))

const adapt = (guard: Guard): FastifyAuth =>
  middlewareOf<FastifyHook, FastifyHook>(
    guard,
    (terms) => async (request, reply) => {
      try {
        const auth = await guard.admit(request.raw, incoming(request), terms)
        if (auth) request.auth = auth
        return undefined
      } catch (error) {
        return refuse(reply, error)
      }
    },
    () => async (request, reply) => {
      try {
        const auth = await guard.admit(request.raw, incoming(request))
        return await reply.header('cache-control', 'no-store').send(meOf(auth))
      } catch (error) {
        return refuse(reply, error)
      }
    },
  )

const incoming = (request: FastifyRequest): IncomingRequest => ({
  method: request.method,
  origin: () => ({ scheme: request.protocol, host: hasOneHost(request.raw) ? request.host : undefined }),
  target: () => request.originalUrl,
  header: (name) => nodeHeader(request.raw, name),
})

/** A hook that sends and returns the reply ends the request. */
function refuse(reply: FastifyReply, error: unknown): FastifyReply {
  if (!(error instanceof TokenError)) throw error
  return reply.code(error.status).headers(error.headers).send(error.body)
}
