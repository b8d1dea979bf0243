/**
 * Logs a line for each request, under an id that the response carries too: the operator finds the reason by it. Ids from
 * outside are not taken over, because a caller could make two requests look like one. Every logged request is counted.
 */
import type { Traffic } from '../ground/traffic.ts'
import type { Log } from '../ground/log.ts'
import { isRefused, type Limits } from '../limits/limits.ts'
import type { LineKind } from '../limits/log-budgets.ts'
import type { Context } from './context.ts'

interface LogNeeds {
  log: Log
  traffic: Traffic
  limits: Pick<Limits, 'lines'>
}

export interface Answered {
  status: number
  /** The caller was turned away for load alone. */
  isForLoad?: boolean
  /** No failure, whatever the status. */
  isOrdinary?: boolean
}

export function noteRequest(context: Context, answered: Answered, { log, traffic, limits }: LogNeeds): void {
  const { facts, route, incoming, ticket, began } = context
  const { status, isForLoad = false, isOrdinary = false } = answered
  const ms = performance.now() - began
  // The pattern of the path, never the path itself: callers can make up paths.
  const endpoint = route?.path ?? '(none)'
  const method = incoming.method ?? ''
  facts.status = status
  facts.method = method
  facts.route = endpoint
  facts.duration_ms = Math.round(ms * 100) / 100
  // A shed request is counted by its reason alone, as before the routes: it is no error of a route.
  if (!isForLoad || status !== 503) traffic.note({ endpoint, method, status, seconds: ms / 1000, error: facts.error })
  if (isForLoad) return log.debug('request', facts)
  const isFailed = status >= 500 && !isOrdinary
  const kind = isFailed ? 'failed' : kindOf(status, ticket?.isAuthenticated ?? false, facts.error)
  if (kind && !limits.lines.hasRoom(kind, facts.client_id)) return
  log[isFailed ? 'error' : 'info']('request', facts)
}

/** Nothing for an authenticated request that was served: it always has its line. */
function kindOf(status: number, isAuthenticated: boolean, error: string | undefined): LineKind | undefined {
  if (error === 'invalid_client' || error === 'invalid_token' || error === 'invalid_grant') return 'guess'
  if (isRefused(status)) return 'refused'
  return isAuthenticated ? undefined : 'anonymous'
}
