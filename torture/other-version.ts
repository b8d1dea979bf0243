/** The versions of Signet from which an operator could upgrade. */
import { join } from 'node:path'
import { commitOf, lastAdditionTo, unpack } from '../harness/version.ts'
import type { Context } from './fault.ts'

export interface OtherVersion {
  /** For the table. */
  name: string
  /** The folder of that version; none where it had no `signet serve` yet. */
  checkout: string | undefined
}

/** The previous commit, and the last commit with other tables in that store. A checkout without a history has none. */
export function previousVersions(context: Context, store: 'sqlite' | 'postgres' = 'sqlite'): OtherVersion[] {
  const migrated = lastAdditionTo(`migrations/${store}/*.sql`)
  const versions = [
    { commit: commitOf('HEAD~1'), called: 'the previous commit' },
    { commit: migrated && commitOf(`${migrated}~1`), called: 'the last commit with other tables' },
  ]
  return versions.flatMap(({ commit, called }) => {
    if (commit === undefined) return []
    const checkout = unpack(commit, join(context.folder(), 'checkout'))
    return [{ name: `${called} (${commit.slice(0, 7)})`, checkout }]
  })
}
