/** Requests that no route answers: unknown paths, other methods and preflights. */
import type { IncomingMessage } from 'node:http'
import { invalidRequest, type OAuthError } from '../ground/errors.ts'
import type { Context } from './context.ts'
import type { Reply } from './reply.ts'
import type { Routes } from './routes.ts'
import { NO_HOST, faultOfHeaders } from './header-lines.ts'

/**
 * Lets a script of any origin call the route, with the headers that it wants to send.
 * @param methods those of the path that scripts of any origin may use
 */
export function preflight({ headers }: IncomingMessage, methods: readonly string[]): Reply {
  const asked = headers['access-control-request-headers']
  const allowed = asked === undefined ? [] : ['Access-Control-Allow-Headers', asked]
  const terms = ['Access-Control-Allow-Methods', methods.join(', '), 'Access-Control-Max-Age', '86400']
  return { status: 204, headers: [...terms, ...allowed, 'Vary', 'Access-Control-Request-Headers'] }
}

/** No such path is 404; a path that takes other methods is 405 and names them (RFC 9110 §15.5.6). */
export function noRoute({ incoming, target }: Pick<Context, 'incoming' | 'target'>, routes: Routes): OAuthError {
  const { url = '' } = incoming
  const fault = faultOfHeaders(incoming)
  if (fault !== undefined) return badHeaders(fault)
  if (!target) {
    const meant = routes.nearestTo(url.replaceAll(/\/{2,}/g, '/').slice(0, 200))
    return invalidRequest(`the path is not in normal form: no //, no dot segments, no needless escapes${meant}`)
  }
  const Allow = routes.methodsOf(target.path).join(', ')
  if (Allow !== '') return invalidRequest(`this endpoint takes ${Allow}`, { status: 405, headers: { Allow } })
  const meant = routes.nearestTo(target.path)
  return invalidRequest(
    `no such endpoint${meant}; they are listed at /.well-known/oauth-authorization-server and /openapi.json`,
    { status: 404 },
  )
}

const badHeaders = (fault: string): OAuthError => invalidRequest(fault, { headers: { Connection: 'close' } })

export const noHost = (): OAuthError => badHeaders(NO_HOST)
