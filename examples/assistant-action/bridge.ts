/** The API that the assistant calls. It knows the person by the access token alone. */
import Fastify, { type FastifyInstance } from 'fastify'
import { createAuthMiddleware } from 'signet-verify/fastify'

export const AUDIENCE = 'https://bridge.example'

export function createBridge(issuer: string): FastifyInstance {
  // With `revocations`, a revoked token is refused within a second, and the assistant lets the person sign in again.
  const auth = createAuthMiddleware({ issuer, audience: AUDIENCE, revocations: true, name: 'assistant-bridge' })
  const server = Fastify()
  server.get('/auth/me', auth.me())
  server.get('/notes', { preHandler: auth.requireScope('notes') }, async ({ auth: { claims } }) => ({
    notes: [`a note of ${String(claims.name)}`],
  }))
  server.addHook('onClose', () => auth.close())
  return server
}
