/** Which master keys there are, read inside a write by the acts that store something made under one. */
import { Unavailable } from '../../ground/errors.ts'
import { find, select, type Act } from '../engine.ts'
import type { MasterKeyState } from '../records/master-key.ts'
import { masterKeys } from '../tables/keys.ts'
import { settings } from '../tables/service.ts'

export function* readMasterKeys(): Act<MasterKeyState> {
  const first = (yield* find(settings, { name: 'master_key_id' }))?.value
  const current = (yield* find(settings, { name: 'current_master_key_id' }))?.value ?? first
  const keys = yield* select(masterKeys, { orderBy: 'createdAt' })
  if (first === undefined || keys.some(({ id }) => id === first)) return { first, current, keys }
  return { first, current, keys: [firstKey(first), ...keys] }
}

/** The first key has no row before another key is used. */
const firstKey = (id: string) => ({ id, createdAt: 0, currentSince: 0, retiredAt: null })

/** How rows name a key: by its id, and those of the first key also by none. */
export const masterKeyNamesOf = (id: string, { first }: MasterKeyState): (string | null)[] =>
  id === first ? [id, null] : [id]

/** Whether rows made under this key can still be used. */
export function* isMasterKeyUsable(id: string): Act<boolean> {
  const key = yield* find(masterKeys, { id })
  return !key || key.retiredAt === null
}

/** @throws Unavailable if the key was retired since the caller used it: a row made under it would be dead. */
export function* requireUsableMasterKey(id: string | null | undefined): Act<void> {
  if (typeof id === 'string' && !(yield* isMasterKeyUsable(id)))
    throw new Unavailable(`master key ${id} was retired meanwhile`)
}
