/** The error page: whatever a page's handler throws, in the words of the person. */
import { Unavailable } from '../ground/errors.ts'
import { PageFault } from '../http/page-fault.ts'
import type { Reply } from '../http/reply.ts'
import type { Asked, ErrorPage } from '../http/route.ts'
import type { FrameNeeds } from './frame-needs.ts'
import { newFrame } from './frame.ts'
import { isByScript, type PageHandler } from './handler.ts'
import { show } from './show.ts'
import { errorPage } from './templates/errors.ts'
import type { ErrorView } from './views.ts'

/** Headers of the reply for programs that hold for the page too. */
const KEPT = new Set(['Retry-After', 'RateLimit', 'RateLimit-Policy', 'Connection', 'Allow'])

/** A script reads the reply as programs do. */
export const errorReplyOf =
  (needs: FrameNeeds): ErrorPage =>
  (error, asked, reply) => {
    if (isByScript(asked)) return reply
    const view: ErrorView = { ...wordsOf(error, reply), retryAfterSeconds: retryAfter(reply) }
    return showError(needs, asked, view, { status: reply.status, headers: keptHeaders(reply) })
  }

function showError(
  needs: FrameNeeds,
  asked: Asked,
  view: ErrorView,
  terms: { status: number; headers: string[] },
): Promise<Reply> {
  const frame = newFrame(asked, needs)
  return show(frame, errorPage(frame, view), terms)
}

/** The error in the words of pages. A request that was turned away at the door brings no error. */
function wordsOf(
  error: unknown,
  { status }: Reply,
): Pick<ErrorView, 'code' | 'back' | 'isOfLink' | 'openAt' | 'again' | 'finished'> {
  if (error instanceof PageFault) {
    const { back, isOfLink, openAt, again, finished } = error.options
    return { code: error.code, back, isOfLink, openAt, again, finished }
  }
  if (status === 404) return { code: 'not_found' }
  if (status === 429) return { code: 'too_many_attempts' }
  if (error instanceof Unavailable || status === 503) return { code: 'unavailable' }
  return { code: status < 500 ? 'invalid_request' : 'server_error' }
}

function keptHeaders({ headers }: Reply): string[] {
  const kept: string[] = []
  for (let at = 0; at < headers.length; at += 2) {
    const [name = '', value = ''] = headers.slice(at, at + 2)
    if (KEPT.has(name)) kept.push(name, value)
  }
  return kept
}

/** Seconds, where the reply names some. */
function retryAfter(reply: Reply): number | undefined {
  const [, value] = keptHeaders(reply).slice(keptHeaders(reply).indexOf('Retry-After'))
  const seconds = keptHeaders(reply).includes('Retry-After') ? Number(value) : Number.NaN
  return Number.isFinite(seconds) ? seconds : undefined
}

/** GET of an address below a page that is none. */
export const refuseUnknown = (): PageHandler<string> => () => {
  throw new PageFault('not_found', 404, { reason: 'no such page' })
}
