/** The secrets of authenticator apps, as the change of the master key sees them: sealed, page by page of the users. */
import { select, update, type Act, type Engine } from '../engine.ts'
import { users } from '../tables/people.ts'
import type { Page } from '../records/facts.ts'
import type { FactorStore } from '../factor-store.ts'
import { sealedUnder } from '../records/key.ts'
import type { DependentTotp, Resealed } from '../records/master-key.ts'
import { requireUsableMasterKey } from './master-key-rows.ts'

const USERS_AT_ONCE = 500

export const totpSecretVerbs = (engine: Engine): Pick<FactorStore, 'listTotpSecrets' | 'resealTotp'> => ({
  listTotpSecrets: (page) => engine.read(() => listTotpSecrets(page)),
  resealTotp: (resealed) => engine.act(() => resealTotp(resealed), 'guarded', 'operator'),
})

function* listTotpSecrets({ after = '', limit }: Page): Act<DependentTotp> {
  const page = yield* select(users, { orderBy: 'id', after, limit })
  const secrets = page.flatMap(({ id, totpSecret }) =>
    totpSecret === null ? [] : [{ userId: id, sealed: totpSecret }],
  )
  return { secrets, next: page.length < limit ? undefined : page.at(-1)?.id }
}

function* resealTotp(resealed: Resealed): Act<void> {
  for (const [id, { from, to }] of resealed) {
    yield* requireUsableMasterKey(sealedUnder(to))
    yield* update(users, { id, totpSecret: from }, { totpSecret: to })
  }
}

/** Whether a secret is sealed under a master key; read inside the write that retires the key. */
export function* hasTotpUnder(masterKeyId: string): Act<boolean> {
  for (let after: string | undefined = ''; after !== undefined;) {
    const page: DependentTotp = yield* listTotpSecrets({ after, limit: USERS_AT_ONCE })
    if (page.secrets.some(({ sealed }) => sealedUnder(sealed) === masterKeyId)) return true
    after = page.next
  }
  return false
}
