/** The versions of Signet that an operator could come from. */
import { join } from 'node:path'
import { commitOf, lastChangeOf, unpack } from '../harness/version.ts'
import type { Context } from './fault.ts'

export interface OtherVersion {
  /** For the table. */
  name: string
  /** The folder of that version; none where it had no `signet serve` yet. */
  checkout: string | undefined
}

/** The commit before the present one, and the last one whose tables were others. Without a history there is none. */
export function previousVersions(context: Context): OtherVersion[] {
  const migrated = lastChangeOf('migrations')
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
