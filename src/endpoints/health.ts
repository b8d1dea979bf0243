/** GET /livez: the process turns. GET /readyz: it takes traffic, its database answers, its keys can sign. */
import type { Handler, Rooms } from '../http/rooms.ts'
import type { Store } from '../store/store.ts'

export const livez: Handler = (c) => c.json({ status: 'alive' })

export const readyz =
  ({ store, isReady }: Rooms): Handler =>
  async (c) => {
    if (!isReady()) return c.json({ status: 'stopping' }, 503)
    await askDatabase(store)
    return c.json({ status: 'ready' })
  }

/** What `/readyz` tells, as a verdict. */
export const isServing = async ({ store, isReady }: Pick<Rooms, 'store' | 'isReady'>): Promise<boolean> =>
  isReady() &&
  (await askDatabase(store).then(
    () => true,
    () => false,
  ))

const askDatabase = (store: Store): Promise<unknown> => store.findSetting('master_key_id')
