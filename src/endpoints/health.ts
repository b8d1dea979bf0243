/** GET /livez: the process turns. GET /readyz: it takes traffic, its database answers, its keys can sign. */
import type { Handler, Rooms } from '../http/rooms.ts'

export const livez: Handler = (c) => c.json({ status: 'alive' })

export const readyz =
  ({ store, isReady }: Rooms): Handler =>
  async (c) => {
    if (!isReady()) return c.json({ status: 'stopping' }, 503)
    await store.findSetting('master_key_id')
    return c.json({ status: 'ready' })
  }
