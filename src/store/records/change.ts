/** News of changes to what processes keep in memory. */

export type ChangedNoun = 'client' | 'resource' | 'key' | 'blacklist'

/** Something that processes keep in memory was changed, by this process or another. `id` null: all of it. */
export interface Change {
  noun: ChangedNoun
  id: string | null
}

export type ChangeListener = (changes: Change[]) => Promise<void>
