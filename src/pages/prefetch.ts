/** A page that a browser fetches ahead, because the person may open it next. */
import type { Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'

/**
 * Whether a request is sent ahead of a page that nobody may ever open. Without a page there is no state to leave behind.
 * `prompt=none` shows no page, so it is answered.
 */
export const isIdlePrefetch = ({ header, sent }: Pick<PageCall, 'header' | 'sent'>): boolean =>
  /\bprefetch\b/.test(header('sec-purpose') ?? header('purpose') ?? '') && sent.get('prompt') !== 'none'

/** The answer to such a request: the browser asks again when the person opens the page. */
export const NOT_YET: Reply = {
  status: 503,
  headers: ['Cache-Control', 'no-store', 'Retry-After', '1'],
  body: '',
  isOrdinary: true,
}
