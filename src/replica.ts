/**
 * The one place where this process learns of changes, its own and those of other processes. It reads the changes of all
 * parts of memory, then applies them in one step. The blacklist is read last, so it is at least as new as the rest, and it
 * is applied first. So memory never holds a new client, key or resource without a denial that was committed before.
 *
 * If the blacklist cannot be read, no part is updated. If another part fails, only that part stays behind. It is told
 * again, and the write that made the change is not answered before.
 */
import type { Log } from './ground/log.ts'
import type { Change, ChangedNoun } from './store/records/change.ts'

/** A part of memory that follows the database. */
export interface MemoryPart {
  readonly noun: ChangedNoun
  /** Reads the changed rows (`id` null: all rows). Returns a function that takes them over, which must not wait. */
  read(changes: Change[], onUnreadable?: (row: string) => void): Promise<() => void>
}

export class Replica {
  readonly #blacklist: MemoryPart
  readonly #others: MemoryPart[]
  readonly #log: Log
  readonly #told = new Set<string>()

  constructor(blacklist: MemoryPart, others: MemoryPart[], log: Log) {
    this.#blacklist = blacklist
    this.#others = others
    this.#log = log
  }

  /** Takes over changes. Rejects with the first failure; by then every part that could be read is updated. */
  async onChange(changes: Change[]): Promise<void> {
    const others = await Promise.allSettled(this.#others.map((part) => this.#readOwn(part, changes)))
    const denials = await this.#readOwn(this.#blacklist, changes)
    const failures: unknown[] = []
    for (const reading of [{ status: 'fulfilled', value: denials } as const, ...others]) {
      if (reading.status === 'rejected') failures.push(reading.reason)
      else takeOver(reading.value, failures)
    }
    if (failures.length > 0) throw failures[0]
  }

  async #readOwn(part: MemoryPart, changes: Change[]): Promise<(() => void) | undefined> {
    const own = changes.filter(({ noun }) => noun === part.noun)
    return own.length > 0 ? part.read(own, (row) => this.#tell(row)) : undefined
  }

  /** A row that cannot be read counts as deleted. Only its own client, key or resource is closed. */
  #tell(row: string): void {
    if (this.#told.has(row)) return
    this.#told.add(row)
    this.#log.error('a row of the database cannot be read, and is left out', { reason: row })
  }
}

function takeOver(step: (() => void) | undefined, failures: unknown[]): void {
  try {
    step?.()
  } catch (error) {
    failures.push(error)
  }
}
