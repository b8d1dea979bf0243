/** GET /livez: the process is alive. GET /readyz: it takes traffic, its database answers, its keys can sign. */
import { answerOf, oneOf, shapeOf } from '../ground/shape.ts'
import { HEALTH } from '../http/access.ts'
import { json } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import type { Store } from '../store/store.ts'

interface Needs {
  store: Store
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
      says: 'Whether it takes traffic',
      answers: {
        200: answerOf('It does, and its database answers.', READINESS),
        503: answerOf('It does not: it stops, or its database does not answer.', {
          ...READINESS,
          example: { status: 'stopping' },
        }),
      },
    },
    async () => {
      if (!needs.isReady()) return json({ status: 'stopping' }, 503)
      await askDatabase(needs.store)
      return json({ status: 'ready' })
    },
  ),
]

const LIVENESS = shapeOf('Liveness', { status: oneOf(['alive'], 'Its state now.') }, { status: 'alive' })
const READINESS = shapeOf('Readiness', { status: oneOf(['ready', 'stopping']) }, { status: 'ready' })

/** The verdict that `/readyz` gives. */
export const isServing = async ({ store, isReady }: Needs): Promise<boolean> =>
  isReady() &&
  (await askDatabase(store).then(
    () => true,
    () => false,
  ))

const askDatabase = (store: Store): Promise<unknown> => store.findSetting('master_key_id')
