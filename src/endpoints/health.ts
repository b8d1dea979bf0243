/** GET /livez: the process is alive. GET /readyz: it takes traffic, its database answers, its master key is there. */
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
      says: 'Whether it takes traffic',
      answers: {
        200: answerOf('It does, and its database answers.', READINESS),
        503: answerOf(
          'It does not: it stops, its database does not answer, or it does not have the current master key.',
          {
            ...READINESS,
            example: { status: 'stopping' },
          },
        ),
      },
    },
    async () => {
      if (!needs.isReady()) return json({ status: 'stopping' }, 503)
      await askDatabase(needs.store)
      const { missing } = needs.masterKeys
      return missing === undefined
        ? json({ status: 'ready' })
        : json({ status: 'master_key_missing', master_key: missing }, 503)
    },
  ),
]

const LIVENESS = shapeOf('Liveness', { status: oneOf(['alive'], 'Its state now.') }, { status: 'alive' })
const READINESS = shapeOf<{ status: string; master_key?: string }>(
  'Readiness',
  {
    status: oneOf(['ready', 'stopping', 'master_key_missing']),
    master_key: optional(text('The id of the current master key, where this server does not have it.')),
  },
  { status: 'ready' },
)

/** The verdict that `/readyz` gives. */
export const isServing = async ({ store, masterKeys, isReady }: Needs): Promise<boolean> =>
  isReady() &&
  masterKeys.missing === undefined &&
  (await askDatabase(store).then(
    () => true,
    () => false,
  ))

const askDatabase = (store: Store): Promise<unknown> => store.findSetting('master_key_id')
