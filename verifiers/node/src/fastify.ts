/** Guards for Fastify, as hooks: `{ preHandler: auth.requireAuth() }`, and sign-in as a plugin. It loads no framework. */
import type { FastifyInstance, FastifyReply, FastifyRequest, RegisterOptions } from 'fastify'
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
import { PublishedResource, type ProtectedResourceOptions } from './published-resource.ts'
import type { Answer } from './answer.ts'
import { formOf, requireForm, type AppRequest } from './app-request.ts'
import type { SignInOptions } from './sign-in-settings.ts'
import { SIGN_IN_PATHS, SignIn, type SignedIn } from './sign-in.ts'
import type { Auth } from './token.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The verified token behind a guard; `undefined` elsewhere. */
    auth: Auth
    /** The person who is signed in, with the plugin `signIn`. */
    signedIn(): Promise<SignedIn | undefined>
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

/**
 * A plugin with routes for people who sign in, below `/auth`: `app.register(signIn, { … })`. It adds
 * `request.signedIn()`, and closes with the app.
 * @throws TypeError naming the option that is wrong
 */
export const signIn = shared(async (app: FastifyInstance, options: SignInOptions) => {
  const core = new SignIn(withoutFastifys(options))
  app.decorateRequest('signedIn', function (this: FastifyRequest) {
    return core.signedIn(appRequest(this))
  })
  app.addHook('onClose', () => core.close())
  // The routes have a scope of their own, in which no other parser takes their forms.
  await app.register(async (own) => {
    own.removeAllContentTypeParsers()
    own.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    for (const { route, path } of SIGN_IN_PATHS)
      own.route({
        method: ['GET', 'POST'],
        url: path,
        handler: async (request, reply) => sendAnswer(reply, await core.answer(route, appRequest(request))),
      })
  })
})

/**
 * A plugin that serves the API's metadata (RFC 9728), and points to it in every 401 of the app:
 * `app.register(protectedResource, { … })`.
 * @throws TypeError naming the option that is wrong
 */
export const protectedResource = shared(async (app: FastifyInstance, options: ProtectedResourceOptions) => {
  const resource = new PublishedResource(withoutFastifys(options))
  app.addHook('onRequest', async (request, reply) => {
    const answer = resource.answer(request.method, request.originalUrl)
    return answer && sendAnswer(reply, answer)
  })
  app.addHook('onSend', async (_request, reply) => {
    const told = reply.getHeader('www-authenticate')
    const challenge = resource.challenge(reply.statusCode, Array.isArray(told) ? told.join(', ') : told?.toString())
    if (challenge !== undefined) reply.header('www-authenticate', challenge)
  })
})

/** Fastify reads this mark: the hooks and decorations of the plugin are for the whole app. */
function shared<Options extends object>(plugin: (app: FastifyInstance, options: Options) => Promise<void>) {
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true })
}

/** The options of a plugin without those that Fastify itself reads. */
function withoutFastifys<Options extends object>(options: Options): Options {
  const { prefix, logLevel: _level, logSerializers: _serializers, ...own } = options as Options & RegisterOptions
  if (prefix) throw new TypeError('the paths of this plugin are fixed: register it without a prefix')
  return own as unknown as Options // Fastify's own are left out
}

const appRequest = (request: FastifyRequest): AppRequest => ({
  ...incoming(request),
  async form() {
    requireForm(request.headers['content-type'])
    return formOf(request.body)
  },
})

const sendAnswer = (reply: FastifyReply, { status, headers, cookies, body }: Answer): FastifyReply => {
  if (cookies.length > 0) reply.header('set-cookie', cookies)
  return reply.code(status).headers(headers).send(body)
}

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
