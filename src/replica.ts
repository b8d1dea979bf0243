/**
 * The one place where this process learns of changes, its own and those of others. It reads the news of all parts, then
 * applies them in one step. The blacklist is read last, so that it is at least as new as the rest, and applied first: at
 * no moment does memory know a new client, key or resource and not yet the denial that was committed before it. While
 * the blacklist cannot be read, nothing else is taken over. Any other part that fails keeps only itself back; it is told
 * again, and until it has heard, the write that made the change is not answered.
 */
import type { Log } from './ground/log.ts'
import type { Change, ChangedNoun } from './store/records/change.ts'

/** A part of memory that follows the database. */
export interface MemoryPart {
  readonly noun: ChangedNoun
  /** Reads what changed (`id` null: everything), and returns the step that takes it over, which must not wait. */
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

  /** Takes over changes. Rejects with the first failure; every part that could be read has taken its news over then. */
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

  /** A row that cannot be read is as good as deleted: it closes its own client, key or resource, and nothing else. */
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
