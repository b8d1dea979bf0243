/** GET /livez: the process is alive. GET /readyz: it takes traffic, its database answers, its master key is there. */
import { Unavailable } from '../ground/errors.ts'
import { answerOf, oneOf, optional, shapeOf, text } from '../ground/shape.ts'
import { HEALTH } from '../http/access.ts'
import { json } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { MasterKeys } from '../keys/master-keys.ts'
import type { Store } from '../store/store.ts'

interface Needs {
  store: Store
  masterKeys: Pick<MasterKeys, 'missing'>
  isReady(): boolean
}

export const health = (needs: Needs): Route[] => [
  route(
    {
      get: '/livez',
      access: HEALTH,
      id: 'readLiveness',
      tag: 'Operation',
      says: 'Whether the process is alive',
      answers: { 200: answerOf('It is.', LIVENESS) },
    },
    () => json({ status: 'alive' }),
  ),
  route(
    {
      get: '/readyz',
      access: HEALTH,
      id: 'readReadiness',
      tag: 'Operation',
      says: 'Whether it answers requests',
      answers: {
        200: answerOf('It does, and its database answers.', READINESS),
        503: answerOf(
          'It does not: it stops, its database does not answer, or it does not have the current master key.',
          {
            ...READINESS,
            example: { status: 'unavailable', reason: 'the database does not answer' },
          },
        ),
      },
    },
    async ({ facts }) => {
      if (!needs.isReady()) return json({ status: 'stopping' }, 503)
      const { missing } = needs.masterKeys
      if (missing !== undefined) return json({ status: 'master_key_missing', master_key: missing }, 503)
      return needs.store.requireAnswer().then(
        () => json({ status: 'ready' }),
        (error: unknown) => {
          if (!(error instanceof Unavailable)) throw error
          facts.reason = error.message
          return json({ status: 'unavailable', reason: 'the database does not answer' }, 503)
        },
      )
    },
  ),
]

const LIVENESS = shapeOf('Liveness', { status: oneOf(['alive'], 'Its state now.') }, { status: 'alive' })
const READINESS = shapeOf<{ status: string; reason?: string; master_key?: string }>(
  'Readiness',
  {
    status: oneOf(['ready', 'stopping', 'unavailable', 'master_key_missing']),
    reason: optional(text('What keeps it, where it is unavailable.')),
    master_key: optional(text('The id of the current master key, where this server does not have it.')),
  },
  { status: 'ready' },
)

/** The verdict that `/readyz` gives. */
export const isServing = async ({ store, masterKeys, isReady }: Needs): Promise<boolean> =>
  isReady() &&
  masterKeys.missing === undefined &&
  (await store.requireAnswer().then(
    () => true,
    () => false,
  ))
