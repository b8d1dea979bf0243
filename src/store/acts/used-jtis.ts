/** One-time ids of client assertions and DPoP proofs. */
import { createHash } from 'node:crypto'
import { insertIfAbsent, type Engine } from '../engine.ts'
import type { Store } from '../store.ts'
import { usedJtis } from '../tables/service.ts'

export const usedJtiVerbs = (engine: Engine): Pick<Store, 'consumeJti'> => ({
  // The primary key decides which caller was first, across all processes.
  consumeJti: (purpose, owner, jti, expiresAt) => {
    const row = { purpose, owner, jtiHash: createHash('sha256').update(jti).digest(), expiresAt }
    return engine.act(function* () {
      return (yield* insertIfAbsent(usedJtis, row)) ? 'fresh' : 'replayed'
    }, 'free')
  },
})
