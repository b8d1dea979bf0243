/** Pages of lists, settings, and facts about the database itself. */
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
  journalBytes: number
  settings: Record<string, string | number>
  /** `ok`, or what the check of the whole database found; only on request, since it reads everything. */
  integrity: string | null
  counts: { clients: number; resources: number; grants: number; blacklist: number; audit: number }
}

/** Figures that a scrape reads every few seconds: no query is made for them. */
export interface StoreFigures {
  sizeBytes: number
  /** Of the write-ahead log. */
  journalBytes: number
  /** Commits of this process: how many writes shared each, and how many seconds each took. */
  commits: { batchSize: Histogram; seconds: Histogram }
}

/** How far apart processes with one database can be, and how often they look. All in milliseconds. */
export interface Pace {
  /** How often the timetable asks for changes of other processes. */
  noticeEveryMs: number
  /** How late another process may hear of a change that was answered here; 0 where each request sees all changes. */
  heardWithinMs: number
  /** How often a process says that it lives; `undefined` where no other has to know. */
  heartbeatEveryMs: number | undefined
}

/**
 * `master_key_id`: the first master key, which rows without a key belong to. `current_master_key_id`: the current one,
 * where it is not the first. `issuer`: the one last served. `first_client`: printed once.
 */
export type SettingName = 'master_key_id' | 'current_master_key_id' | 'issuer' | 'first_client'
