/** What a load process is asked to do, and what came of it; plain data, since it goes from process to process. */

export const CONNECTIONS = 64

export interface Work {
  port: number
  method: 'GET' | 'POST'
  path: string
  headers?: Record<string, string>
  form?: Record<string, string>
  /** Each with one request under way at a time. */
  connections?: number
  /** Between an answer and the next request of its connection, for a look at latency rather than a load. */
  pauseMs?: number
  /** A parameter that is another token each time, from a pool. A connection ends when it finds none. */
  takes?: { pool: string; as: 'refresh_token' | 'token'; putBack?: boolean }
  /** A member of each answer that goes into a pool: the successor of a refresh token, for instance. */
  keeps?: { pool: string; member: 'refresh_token' | 'access_token' }
  /** Ends after so many requests, where the time has not ended it before. */
  requests?: number
}

export interface Round {
  requests: number
  seconds: number
  requestsPerSecond: number
  /** Milliseconds. */
  p50: number
  p99: number
  longest: number
  /** Answers that were not 2xx, and connections that broke. */
  failures: number
  firstFailure: string | undefined
}

export type Order =
  | { kind: 'load'; job: number; work: Work; seconds: number }
  | { kind: 'end'; job: number }
  | { kind: 'fill'; pool: string; tokens: string[] }

export interface Report {
  job: number
  round: Round
}
