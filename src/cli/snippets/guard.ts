/** Code that guards an API: the targets of `signet resource snippet`. */
import { isExposedHttp } from '../../config/loopback.ts'
import { endpointUrl } from '../../http/endpoint-url.ts'
import { keySetPath } from '../../resources/resource.ts'
import type { ResourceRecord } from '../../store/records/resource.ts'
import { fillFile } from './fill.ts'

/** The files of each target, in the order in which they are printed. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  express: ['express.mjs'],
  hono: ['hono.mjs'],
  fastify: ['fastify.mjs'],
  fastapi: ['fastapi.py'],
  flask: ['flask.py'],
  go: ['main.go'],
  nginx: ['nginx.conf', 'nginx.js'],
}

export const GUARD_TARGETS = Object.keys(FILES)

/** @param target one of the guard targets */
export function fillGuard(target: string, resource: ResourceRecord, issuer: string): string {
  const { id, typ, ownKeys, scope } = resource
  const name = nameOf(id)
  const [needed = ''] = scope ?? []
  const filling = {
    values: {
      ISSUER: issuer,
      AUDIENCE: id,
      JWKS_URI: endpointUrl(issuer, keySetPath(id)),
      INTROSPECTION_ENDPOINT: endpointUrl(issuer, '/introspect'),
      TYP: typ,
      SCOPE: needed,
      NAME: name,
      CLIENT_ID: `nginx-${name}`,
    },
    conditions: {
      scope: needed !== '',
      'no-scope': needed === '',
      'own-keys': ownKeys,
      'other-typ': typ !== 'at+jwt',
      // Verifiers take such an issuer only if they are told to.
      'private-http': isExposedHttp(new URL(issuer)),
    },
  }
  return (FILES[target] ?? []).map((file) => fillFile(`resource/${file}`, filling)).join('')
}

/** How an API calls itself towards the issuer, which shows by it who has seen the next key. */
const nameOf = (id: string): string =>
  id
    .replace(/^[a-z]+:\/\//i, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[-.]+|(?<![-.])[-.]+$/g, '')
    .slice(0, 60) || 'api'
