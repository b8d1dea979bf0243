/** Keeps the records of oidc-provider in a Map: the fastest possible adapter, whose records end with the process. */
import type { Adapter, Payload } from 'oidc-provider'

export const mapAdapters = (): ((model: string) => Adapter) => (): Adapter => {
  const kept = new Map<string, Payload>()
  const findBy = async (member: string, value: string) =>
    [...kept.values()].find((payload) => payload[member] === value)
  return {
    upsert: async (id, payload) => void kept.set(id, payload),
    find: async (id) => kept.get(id),
    findByUid: (uid) => findBy('uid', uid),
    findByUserCode: (userCode) => findBy('userCode', userCode),
    destroy: async (id) => void kept.delete(id),
    consume: async (id) => {
      const payload = kept.get(id)
      if (payload) payload.consumed = Math.floor(Date.now() / 1000)
    },
    revokeByGrantId: async (grantId) => {
      for (const [id, payload] of kept) if (payload.grantId === grantId) kept.delete(id)
    },
  }
}
