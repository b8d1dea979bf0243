/** News of changes to what processes keep in memory. */

export type ChangedNoun = 'client' | 'resource' | 'key' | 'blacklist'

/** Something that processes keep in memory was changed, by this process or another. `id` null: all of it. */
export interface Change {
  noun: ChangedNoun
  id: string | null
}

export type ChangeListener = (changes: Change[]) => Promise<void>

/** The news of one database. */
export interface ChangeSource {
  /** Calls `listener` with changes: those of this process before the verb resolves, those of others when they are found. */
  onChange(listener: ChangeListener): void
  /**
   * Called before a decision is made from memory. When it resolves, the listeners have taken over all changes that any
   * process committed before the call, or `pace.heardWithinMs` before. `undefined` if they have already. Never rejects: if
   * the database cannot be asked, memory stays as it is.
   */
  catchUp(): Promise<void> | undefined
  /** The same for the timetable. Rejects if the database cannot be asked, so that the log tells it. */
  pollChanges(): Promise<void>
  readonly pace: Pace
  /** Hears at once of changes by other processes from now on, until the returned function is called. Polling goes on. */
  listen(): () => Promise<void>
  /** How long it has not been known whether other processes have changed something. Milliseconds. */
  silenceMs(): number
}

/** How far apart processes with one database can be, and how often they look. All in milliseconds. */
export interface Pace {
  /** How often the timetable asks for changes of other processes. */
  noticeEveryMs: number
  /** How late another process hears of a change that was answered here; 0 where each request sees all changes. */
  heardWithinMs: number
  /**
   * How late a process that is ready may hear of a change that was answered here; 0 where each request sees all changes.
   * A process whose database is silent stays ready for a while.
   */
  readyHearWithinMs: number
  /** How often a process says that it lives; `undefined` where no other has to know. */
  heartbeatEveryMs: number | undefined
}
