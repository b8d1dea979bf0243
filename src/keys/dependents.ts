/**
 * The dependents of a master key: private keys that it sealed, client secrets that it digests, grants whose tokens it
 * makes, and the authenticator apps of persons, whose secrets it sealed with the keys of their recovery codes. Without the
 * master key these persons could give no code any more. Private keys and the secrets of apps are sealed anew when another
 * key becomes current, and when a former one is retired.
 */
import type { Instant } from '../ground/clock.ts'
import type { DependentSecret } from '../store/records/master-key.ts'
import type { Store } from '../store/store.ts'
import { sealedUnder } from '../store/records/key.ts'

export interface Dependents {
  signingKeys: number
  secrets: DependentSecret[]
  grants: number
  /** Persons with an authenticator app. */
  apps: number
  /** When the last of them ends by itself; `null` where nothing needs the key, or something never ends by itself. */
  until: Instant | null
}

const PAGE = 1000

/** Counts in pages, because there may be millions of grants. */
export async function findDependents(store: Store, id: string): Promise<Dependents> {
  const { sealed, secrets } = await store.findMasterKeyNeeds(id)
  let grants = 0
  let until: Instant | null = 0
  for (let after: string | undefined = ''; after !== undefined;) {
    const page = await store.listGrantsUnder(id, { after, limit: PAGE })
    grants += page.grants.length
    for (const { expiresAt, idleExpiresAt } of page.grants)
      until = Math.max(until, Math.min(expiresAt, idleExpiresAt ?? expiresAt))
    after = page.next
  }
  for (const { expiresAt } of secrets) until = expiresAt === null || until === null ? null : Math.max(until, expiresAt)
  const apps = await countApps(store, id)
  const isEndless = sealed.length + apps > 0 || until === 0
  return { signingKeys: sealed.length, secrets, grants, apps, until: isEndless ? null : until }
}

async function countApps(store: Store, id: string): Promise<number> {
  let apps = 0
  for (let after: string | undefined = ''; after !== undefined;) {
    const page = await store.listTotpSecrets({ after, limit: PAGE })
    apps += page.secrets.filter(({ sealed }) => sealedUnder(sealed) === id).length
    after = page.next
  }
  return apps
}

export const isNeeded = ({ signingKeys, secrets, grants, apps }: Dependents): boolean =>
  signingKeys + secrets.length + grants + apps > 0

/** Such as `2 client secrets (billing, orders) and 17 grants`. */
export function describeDependents({ signingKeys, secrets, grants, apps }: Dependents): string {
  const clients = [...new Set(secrets.map(({ clientId }) => clientId))].toSorted()
  const parts = [
    counted(signingKeys, 'signing key'),
    counted(secrets.length, 'client secret', clients),
    counted(grants, 'grant'),
    counted(apps, 'authenticator app'),
  ].filter((part) => part !== '')
  const last = parts.pop() ?? 'nothing'
  return parts.length === 0 ? last : `${parts.join(', ')} and ${last}`
}

/** The most clients that a message names. */
const MOST_NAMED = 20

function counted(count: number, noun: string, names: string[] = []): string {
  if (count === 0) return ''
  const more = names.length > MOST_NAMED ? `, and ${names.length - MOST_NAMED} more` : ''
  const named = names.length === 0 ? '' : ` (${names.slice(0, MOST_NAMED).join(', ')}${more})`
  return `${count} ${noun}${count === 1 ? '' : 's'}${named}`
}
