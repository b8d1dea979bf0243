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

/** A replica as it says that it lives: the database adds the time. */
export type LivingReplica = Omit<ReplicaRecord, 'lastSeenAt' | 'stoppedAt'>

/** The issuer, and the domain of passkeys, as the last start has served them. */
export type ServedNames = Record<'issuer' | 'rp_id', string>

/** `others`: another replica lives and serves that issuer, so nothing was noted. */
export type NamesClaim = { outcome: 'claimed'; before: Partial<ServedNames> } | { outcome: 'others'; serve: string }

/**
 * `master_key_id`: the first master key, which rows without a key belong to. `current_master_key_id`: the current one,
 * where it is not the first. `issuer`: the one last served. `first_start`: when the first start of a server began.
 * `first_client`: what the first start decided about the first client.
 * `rp_id`: the domain that passkeys are bound to. `believed_time`: the time that was noted last as one that was believed, in milliseconds.
 */
export type SettingName =
  | 'master_key_id'
  | 'current_master_key_id'
  | 'issuer'
  | 'first_start'
  | 'first_client'
  | 'rp_id'
  | 'believed_time'

/** A database as its operators see it. */
export interface OperatedDatabase {
  /** Rejects with `Unavailable` where the database does not answer; a short silence of a server is no fault. */
  requireAnswer(): Promise<void>
  /** How far this machine's clock is ahead of the database's. Milliseconds. */
  machineAheadMs(): number
  /**
   * An id of the place in which the database stands, which is the same by whichever URL it is reached; another place has
   * another one. `undefined` where nothing but its name tells.
   */
  placeId(): Promise<string | undefined>
  facts(options: { integrity: boolean }): Promise<StoreFacts>
  figures(): StoreFigures
  /** Looks for what is wrong with the database itself. */
  examine(): Promise<Finding[]>
  /** A consistent copy of the database as it runs, checked before it gets its name. Private keys stay sealed. */
  backup(file: string): Promise<void>
  close(): Promise<void>
}
