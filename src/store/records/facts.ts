/** Pages of lists, settings, and facts about the database itself. */
import type { Instant } from '../../ground/clock.ts'
import type { Histogram } from '../../ground/counts.ts'

export interface Page {
  /** Skip what comes up to and including this id. */
  after?: string | undefined
  limit: number
}

/** Facts about the database for `status` and `doctor`. */
export interface StoreFacts {
  /** Its address, without credentials. */
  location: string
  sizeBytes: number
  /** Of the write-ahead log; `undefined` where the server keeps it for itself. */
  journalBytes: number | undefined
  settings: Record<string, string | number>
  /** `ok`, or what the check of the whole database found; only on request, since it reads everything. */
  integrity: string | null
  /** `sessions`: those that are live. */
  counts: {
    clients: number
    resources: number
    grants: number
    users: number
    sessions: number
    blacklist: number
    audit: number
  }
}

/** Figures that a scrape reads every few seconds: no query is made for them. */
export interface StoreFigures {
  sizeBytes: number
  /** Of the write-ahead log; `undefined` where the server keeps it for itself. */
  journalBytes: number | undefined
  /** Commits of this process: how many writes shared each, and how many seconds each took. */
  commits: { batchSize: Histogram; seconds: Histogram }
}

/** A check of the database by itself, its result, and the step that helps. */
export interface Finding {
  check: string
  ok: boolean
  /** The result, in words. */
  found: string
  /** The step that helps; `null` where no step is needed or known. */
  fix: string | null
  /** Nothing is broken, but it should not stay so. Stands beside `ok: true`. */
  warning?: true
}

/** A process that serves the database, or has served it within the last hour. */
export interface ReplicaRecord {
  name: string
  version: string
  startedAt: Instant
  lastSeenAt: Instant
  /** When it was stopped in good order; `null` for one that runs, or that died. */
  stoppedAt: Instant | null
}

/** How far apart processes with one database can be, and how often they look. All in milliseconds. */
export interface Pace {
  /** How often the timetable asks for changes of other processes. */
  noticeEveryMs: number
  /** How late another process hears of a change that was answered here; 0 where each request sees all changes. */
  heardWithinMs: number
  /**
   * How late a process that is ready may hear of a change that was answered here; 0 where each request sees all changes.
   * One whose database is silent stays ready for a while.
   */
  readyHearWithinMs: number
  /** How often a process says that it lives; `undefined` where no other has to know. */
  heartbeatEveryMs: number | undefined
}

/**
 * `master_key_id`: the first master key, which rows without a key belong to. `current_master_key_id`: the current one,
 * where it is not the first. `issuer`: the one last served. `first_client`: printed once.
 * `rp_id`: the domain that passkeys are bound to.
 */
export type SettingName = 'master_key_id' | 'current_master_key_id' | 'issuer' | 'first_client' | 'rp_id'
