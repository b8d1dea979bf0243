/** GET /livez: the process is alive. GET /readyz: it takes traffic, its database answers, its master key is there. */
import { Displaced, Unavailable, type Displacement } from '../ground/errors.ts'
import { answerOf, flag, oneOf, optional, shapeOf, text } from '../ground/shape.ts'
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
          'It does not: it stops, its database does not answer or was replaced, or it does not have the current master key.',
          {
            ...READINESS,
            example: { status: 'unavailable' as const, reason: 'the database does not answer' },
          },
        ),
      },
    },
    async ({ facts }) => {
      const { answer, cause } = await judge(needs)
      if (cause !== undefined) facts.reason = cause
      return json(answer, answer.status === 'ready' ? 200 : 503)
    },
  ),
]

const LIVENESS = shapeOf('Liveness', { status: oneOf(['alive'], 'Its state now.') }, { status: 'alive' })

interface Readiness {
  status: 'ready' | 'stopping' | 'unavailable' | 'master_key_missing'
  reason?: string
  master_key?: string
  saved?: boolean
}

const READINESS = shapeOf<Readiness>(
  'Readiness',
  {
    status: oneOf(['ready', 'stopping', 'unavailable', 'master_key_missing']),
    reason: optional(text('What keeps it, where it is unavailable.')),
    master_key: optional(text('The id of the current master key, where this server does not have it.')),
    saved: optional(
      flag(
        'Where the database is gone from beneath this server: whether a copy is saved. Without one, it must not be stopped.',
      ),
    ),
  },
  { status: 'ready' },
)

/** Anybody may ask, so a reason names no path. */
const DISPLACED = {
  restartable: { reason: 'a file of the database was removed or replaced beneath this server: restart it' },
  unsaved: {
    reason:
      'a file of the database was removed or replaced beneath this server, which has the only copy and has not saved it yet: do not stop it; its log names the cause',
    saved: false,
  },
  saved: {
    reason:
      'the database was removed beneath this server, which has saved a copy: stop it, move the copy to the path of the database, and start it; its log and signet doctor give the commands',
    saved: true,
  },
} as const satisfies Record<Displacement, Pick<Readiness, 'reason' | 'saved'>>

/** The answer of `/readyz`, and the cause that the log tells where the database does not answer. */
async function judge({ store, masterKeys, isReady }: Needs): Promise<{ answer: Readiness; cause?: string }> {
  if (!isReady()) return { answer: { status: 'stopping' } }
  const { missing } = masterKeys
  if (missing !== undefined) return { answer: { status: 'master_key_missing', master_key: missing } }
  try {
    await store.requireAnswer()
    return { answer: { status: 'ready' } }
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    const told = error instanceof Displaced ? DISPLACED[error.state] : { reason: 'the database does not answer' }
    return { answer: { status: 'unavailable', ...told }, cause: error.message }
  }
}

/** Whether `/readyz` answers 200 now. Never rejects. */
export const isServing = (needs: Needs): Promise<boolean> =>
  judge(needs).then(
    ({ answer }) => answer.status === 'ready',
    () => false,
  )
