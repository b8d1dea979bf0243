/**
 * A page that begins or ends something by GET does so for a visit alone: a browser goes there, because a person followed
 * a link, a form or a redirect. Prefetching, a look at a link by HEAD, and an image of another site change nothing
 * (PEOPLE S17).
 */
import type { Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'

/**
 * The requests for which a page changes state. `visit`: visits. `visit or silent`: besides, a prefetch with `prompt=none`,
 * which shows no page and so leaves no sign-in behind.
 */
export type ActsOn = 'visit' | 'visit or silent'

/** Whether the page may act on a request. */
export function mayAct({ method, header, sent }: Pick<PageCall, 'method' | 'header' | 'sent'>, acts: ActsOn): boolean {
  if (method === 'POST') return true
  if (method === 'HEAD' || !isNavigation(header('sec-fetch-dest'))) return false
  return !isAhead(header) || (acts === 'visit or silent' && sent.get('prompt') === 'none')
}

/** Browsers fetch ahead, because the person may open the page next. Each has its own header for it. */
const AHEAD = ['sec-purpose', 'purpose', 'x-purpose', 'x-moz']

const isAhead = (header: PageCall['header']): boolean =>
  AHEAD.some((name) => /\b(prefetch|prerender|preview)\b/i.test(header(name) ?? ''))

/** Programs and older browsers do not say where the answer goes. */
const isNavigation = (destination: string | undefined): boolean =>
  destination === undefined || NAVIGATIONS.has(destination)

/** The destinations of a navigation (Fetch §2.2.5). */
const NAVIGATIONS: ReadonlySet<string> = new Set(['document', 'iframe', 'frame', 'embed', 'object', 'fencedframe'])

/** The answer to another request. A browser asks again when the person opens the page. */
export const notYet = ({ method }: Pick<PageCall, 'method'>): Reply =>
  method === 'HEAD'
    ? { status: 204, headers: ['Cache-Control', 'no-store'] }
    : { status: 503, headers: ['Cache-Control', 'no-store', 'Retry-After', '1'], body: '', isOrdinary: true }
