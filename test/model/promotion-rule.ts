/** The rule of key promotion, taken out of `KeyRotation`: the decision that it hands to the store. */
import { BY_SYSTEM, type AuditTrail } from '../../src/audit.ts'
import type { KeyRing } from '../../src/keys/key-ring.ts'
import { KeyRotation } from '../../src/keys/rotation.ts'
import type { PromotionVerdict, SigningKeyRecord } from '../../src/store/records/key.ts'
import type { Store } from '../../src/store/store.ts'
import { SHARED_ES256, eventOf, keyOf } from '../support/store-records.ts'

export type Mode = 'requested' | 'emergency'
export type PromotionRule = (ring: SigningKeyRecord[], now: number) => PromotionVerdict

/** The decision that `KeyRotation.rotate` hands to the store, in place of `leaving`. */
async function ruleOf(mode: Mode, leaving: string, prepublishSeconds: number): Promise<PromotionRule> {
  let taken: PromotionRule | undefined
  const ring = [keyOf(leaving, { status: 'active', createdAt: 0 }), keyOf('next', { createdAt: 0 })]
  const store = {
    now: () => 0,
    time: { isBelieved: () => false },
    listKeys: async () => ring,
    retireKeys: async () => [],
    promoteNextKey: async (_ring: unknown, _spare: unknown, decide: PromotionRule) => {
      taken = decide
      return { outcome: 'promoted', keys: [] }
    },
  }
  const rotation = new KeyRotation({
    // `rotate` asks for nothing else.
    store: store as unknown as Store,
    ring: { draft: async () => keyOf('spare') } as unknown as KeyRing,
    audit: { event: () => EVENT } as unknown as AuditTrail,
    policy: { keyPrepublishSeconds: prepublishSeconds, keyRotationSeconds: 0 },
  })
  await rotation.rotate(SHARED_ES256, mode, BY_SYSTEM)
  if (!taken) throw new Error('rotate gave the store no decision')
  return taken
}

/** The rules for every key that a search can meet. */
export async function takeRules(prepublishMs: number): Promise<(mode: Mode, leaving: string) => PromotionRule> {
  const rules = new Map<string, PromotionRule>()
  for (const mode of ['requested', 'emergency'] as const)
    for (let key = 0; key < MOST_KEYS; key++)
      rules.set(`${mode} k${key}`, await ruleOf(mode, `k${key}`, prepublishMs / 1000))
  return (mode, leaving) => {
    const rule = rules.get(`${mode} ${leaving}`)
    if (!rule) throw new Error(`no rule was taken for ${leaving}`)
    return rule
  }
}

const EVENT = eventOf('key.rotated')
const MOST_KEYS = 6
