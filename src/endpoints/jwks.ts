/** GET /.well-known/jwks.json and /jwks/… (RFC 7517 §5), cacheable by verifiers. */
import { notFound } from '../ground/errors.ts'
import { answerOf, manyOf, object, oneOf, shapeOf, text } from '../ground/shape.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { KeyReaders } from '../keys/readers.ts'
import type { ResourceDirectory } from '../resources/directory.ts'
import { idOfSegment, ringOf } from '../resources/resource.ts'
import type { Limits } from '../limits/limits.ts'
import { LIVE_DOCUMENT } from '../http/access.ts'
import { answerDocument, CACHED } from '../http/public-document.ts'
import { route, type Route } from '../http/route.ts'

interface Needs {
  keys: KeyRing
  readers: KeyReaders
  resources: ResourceDirectory
  limits: Limits
  config: { jwksMaxAgeSeconds: number }
}

export function jwks({ keys, readers, resources, limits, config }: Needs): Route[] {
  const cacheControl = `public, max-age=${config.jwksMaxAgeSeconds}, must-revalidate`
  const terms = { access: LIVE_DOCUMENT, tag: 'Discovery', answers: { 200: answerOf('The key set.', KEY_SET, CACHED) } }
  return [
    route(
      { get: '/.well-known/jwks.json', id: 'readKeys', says: 'The public keys (RFC 7517 §5)', ...terms },
      (call) => {
        const document = keys.jwks()
        const { network } = limits.callerOf(call.incoming)
        readers.note({ userAgent: call.header('user-agent'), network }, document.knowsUntil)
        return answerDocument(call, document, { cacheControl })
      },
    ),
    route(
      {
        get: '/jwks/:resource',
        id: 'readResourceKeys',
        says: 'The keys that sign the tokens of one resource',
        tells:
          'Its own where it has some, else the issuer’s. After a change from one to the other, both, until the last token of the former keys has ended.',
        params: {
          resource: {
            says: 'The id of a resource: a plain name as it is, a URI as `~` and its base64url, or percent-encoded',
            example: '~aHR0cHM6Ly9vcmRlcnMuZXhhbXBsZS5jb20',
          },
        },
        refuses: [404],
        ...terms,
      },
      async (call) => {
        const resource = resources.find(idOfSegment(call.params.resource))
        if (!resource) throw notFound('this resource')
        if (resource.ownKeys) await keys.ensure(ringOf(resource))
        return answerDocument(call, keys.jwksOf(resource), { cacheControl })
      },
    ),
  ]
}

const named = {
  kid: text(),
  alg: oneOf(['ES256', 'RS256']),
  use: oneOf(['sig'], 'For signatures.'),
}
const coordinate = text('base64url')

/** RFC 7517 §5. The example is the key of appendix A.1. */
const KEY_SET = shapeOf<{ keys: object[] }>(
  'KeySet',
  {
    keys: manyOf(
      {
        anyOf: [
          object({ kty: oneOf(['EC']), crv: oneOf(['P-256']), x: coordinate, y: coordinate, ...named }),
          object({ kty: oneOf(['RSA']), n: coordinate, e: coordinate, ...named }),
        ],
      },
      'The public keys: next, active and retiring.',
    ),
  },
  {
    keys: [
      {
        kty: 'EC',
        crv: 'P-256',
        x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
        y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
        kid: 'es256-3q2-7wEjRWeJq83vASNFZw',
        alg: 'ES256',
        use: 'sig',
      },
    ],
  },
)
