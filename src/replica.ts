/**
 * The one place where this process learns of changes, its own and those of others. It reads all news first, then
 * applies them in one step, the blacklist before the rest: at no moment does memory know a new client, key or resource
 * and not yet the denial that was committed before it. A part that cannot be read keeps no other from being applied; it
 * is told again, and until it has heard, the write that made the change is not answered.
 */
import type { Change, ChangedNoun } from './store/store.ts'

/** A part of memory that follows the database. */
export interface Kept {
  readonly noun: ChangedNoun
  /** Reads what changed (`id` null: everything), and returns the step that takes it over, which must not wait. */
  read(changes: Change[]): Promise<() => void>
}

/** In the order in which they take over. */
const ORDER: readonly ChangedNoun[] = ['blacklist', 'key', 'client', 'resource']

export class Replica {
  readonly #parts: Kept[]

  constructor(parts: Kept[]) {
    this.#parts = parts.toSorted((one, other) => ORDER.indexOf(one.noun) - ORDER.indexOf(other.noun))
  }

  /** Takes over changes. Rejects where a part could not be read; all others have taken theirs over then. */
  async onChange(changes: Change[]): Promise<void> {
    const readings = await Promise.allSettled(this.#parts.map((part) => readOwn(part, changes)))
    for (const reading of readings) if (reading.status === 'fulfilled') reading.value?.()
    const failure = readings.find((reading) => reading.status === 'rejected')
    if (failure) throw failure.reason
  }
}

async function readOwn(part: Kept, changes: Change[]): Promise<(() => void) | undefined> {
  const own = changes.filter(({ noun }) => noun === part.noun)
  return own.length > 0 ? part.read(own) : undefined
}
