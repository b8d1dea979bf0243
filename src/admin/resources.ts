/** /admin/api/resources */
import {
  resourceChangeSchema,
  resourceMetadata,
  resourceRegistrationSchema,
  toResourceChange,
} from '../resources/wire.ts'
import { actorOf } from '../http/actor.ts'
import { parseBody } from '../http/parse-body.ts'
import type { Handler, Rooms } from '../http/rooms.ts'
import { idOf } from './id.ts'
import { answerSorted } from './sorted-list.ts'

export function resourcesApi({ resourceRegistry: registry }: Rooms) {
  const list: Handler = async (c) => answerSorted(c, await registry.list(), ({ id }) => id, resourceMetadata)

  const create: Handler = async (c) => {
    const { id, ...metadata } = await parseBody(c, resourceRegistrationSchema)
    const resource = await registry.create(id, toResourceChange(metadata), actorOf(c))
    c.header('Location', `/admin/api/resources/${encodeURIComponent(id)}`)
    return c.json(resourceMetadata(resource), 201)
  }

  const read: Handler = async (c) => c.json(resourceMetadata(await registry.get(idOf(c))))

  const update: Handler = async (c) => {
    const change = toResourceChange(await parseBody(c, resourceChangeSchema))
    return c.json(resourceMetadata(await registry.update(idOf(c), change, actorOf(c))))
  }

  const remove: Handler = async (c) => {
    await registry.delete(idOf(c), actorOf(c))
    return c.body(null, 204)
  }

  return { list, create, read, update, remove }
}
