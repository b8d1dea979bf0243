/** /admin/api/clients */
import * as z from 'zod'
import {
  clientChangeSchema,
  clientMetadata,
  clientRegistrationSchema,
  durationSchema,
  toClientChange,
} from '../clients/wire.ts'
import { invalidClientMetadata } from '../ground/errors.ts'
import { actorOf } from '../http/actor.ts'
import { parseBody } from '../http/parse-body.ts'
import type { Handler, Rooms } from '../http/rooms.ts'
import { idOf } from './id.ts'
import { answerSorted } from './sorted-list.ts'

export const secretRotationSchema = z.strictObject({ overlap: durationSchema }).partial()

export function clientsApi({ clientRegistry: registry }: Rooms) {
  const list: Handler = async (c) =>
    answerSorted(
      c,
      await registry.list(),
      ({ clientId }) => clientId,
      (client) => clientMetadata(client),
    )

  const create: Handler = async (c) => {
    const { client_id: clientId, ...metadata } = await parseBody(c, clientRegistrationSchema, invalidClientMetadata)
    const { client, secret } = await registry.create({ clientId, ...toClientChange(metadata) }, actorOf(c))
    c.header('Location', `/admin/api/clients/${encodeURIComponent(client.clientId)}`)
    return c.json(clientMetadata(client, secret), 201)
  }

  const read: Handler = async (c) => c.json(clientMetadata(await registry.get(idOf(c))))

  const update: Handler = async (c) => {
    const change = toClientChange(await parseBody(c, clientChangeSchema, invalidClientMetadata))
    const { client, secret } = await registry.update(idOf(c), change, actorOf(c))
    return c.json(clientMetadata(client, secret))
  }

  const remove: Handler = async (c) => {
    await registry.delete(idOf(c), actorOf(c))
    return c.body(null, 204)
  }

  const rotateSecret: Handler = async (c) => {
    const { overlap } = c.req.header('content-type') ? await parseBody(c, secretRotationSchema) : {}
    const { client, secret } = await registry.rotateSecret(idOf(c), actorOf(c), overlap)
    return c.json(clientMetadata(client, secret), 201)
  }

  const disable: Handler = async (c) => c.json(clientMetadata(await registry.disable(idOf(c), actorOf(c))))
  const enable: Handler = async (c) => c.json(clientMetadata(await registry.enable(idOf(c), actorOf(c))))

  return { list, create, read, update, remove, rotateSecret, disable, enable }
}
