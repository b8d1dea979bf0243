/** The orders that a load process gets and the reports that it sends: plain data, which can go from process to process. */

export const CONNECTIONS = 64

export interface Work {
  port: number
  /** More servers, which the connections are spread over. */
  otherPorts?: number[]
  method: 'GET' | 'POST'
  path: string
  headers?: Record<string, string>
  form?: Record<string, string>
  /** How many connections; each has one request at a time. */
  connections?: number
  /** A pause between a response and the next request of the connection, to look at latency without making load. */
  pauseMs?: number
  /** A parameter that takes another token from a pool for each request. A connection ends when the pool is empty. */
  takes?: { pool: string; as: 'refresh_token' | 'token'; putBack?: boolean }
  /** A member of each response that goes into a pool, such as the successor of a refresh token. */
  keeps?: { pool: string; member: 'refresh_token' | 'access_token' }
  /** A second request with the code in the `Location` of each response, on the same connection; both count as one. */
  redeems?: { path: string; form: Record<string, string> }
  /** The load ends after so many requests, if the time has not ended it before. */
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
  /** Responses that were not 2xx, and connections that broke. */
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
