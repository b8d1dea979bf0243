/** A server whose environment decides how tokens are checked. */
import Fastify, { type FastifyInstance } from 'fastify'
import { authFromEnv, type FastifyAuth } from 'signet-verify/fastify'

type Environment = Readonly<Record<string, string | undefined>>

export interface Bridge {
  server: FastifyInstance
  auth: FastifyAuth
}

/** @throws TypeError naming the variable that is missing or wrong */
export function createBridge(env: Environment): Bridge {
  const auth = authFromEnv({ env, name: 'env-bridge' })
  const server = Fastify()
  server.get('/healthz', async () => ({ ok: true }))
  server.get('/auth/me', auth.me())
  server.get('/notes', { preHandler: auth.requireAuth() }, async ({ auth: caller }) => ({
    of: caller?.claims.sub ?? 'nobody in particular', // where the environment checks nothing
  }))
  server.post('/notes', { preHandler: auth.requireScope('read') }, async (_request, reply) => reply.code(201).send({}))
  return { server, auth }
}
