/** The two requests that a follower makes of the feed: for the page after a position, and for the events after it. */
import { pageUrl, parseFeed } from './feed-page.ts'
import type { Position } from './followed-list.ts'
import { getJson, secondsInCaches } from './get-document.ts'
import type { FeedDocument } from './revocation-list.ts'

/** An issuer without pages sends the whole list in one response. */
const MOST_BYTES = 67_108_864
/** A page has at most 512 KiB. */
const MOST_PAGE_BYTES = 576 * 1024

/** The answer to a request for a page. */
export interface PageAnswer {
  /** `undefined` where nothing has changed since the page that was remembered. */
  page: FeedDocument | undefined
  /** How long the answer may have been in caches. */
  secondsInCaches: number
  /** Keeps the entity tag, once the page has been taken over. */
  remember: () => void
}

export class FeedRequests {
  readonly #feedUrl: string
  readonly #userAgent: string
  /** The entity tag of the page after a cursor. */
  #tag: { after: string; etag: string } | undefined

  constructor(feedUrl: string, userAgent: string) {
    this.#feedUrl = feedUrl
    this.#userAgent = userAgent
  }

  /**
   * Asks for the page after a position.
   * @param isInPages whether the issuer gives the list in pages; then one page is short
   * @throws RequestFault
   */
  async askPage(
    asked: Position,
    { isInPages, signal }: { isInPages: boolean; signal: AbortSignal },
  ): Promise<PageAnswer> {
    const { after } = asked
    const url = pageUrl(this.#feedUrl, after)
    const etag = this.#tag && this.#tag.after === after ? this.#tag.etag : undefined
    const maxBytes = after !== undefined && isInPages ? MOST_PAGE_BYTES : MOST_BYTES
    const answer = await getJson(url, { userAgent: this.#userAgent, maxBytes, signal, etag })
    const inCaches = secondsInCaches(answer.headers)
    if (!answer.changed) return { page: undefined, secondsInCaches: inCaches, remember: () => {} }
    const page = parseFeed(url, answer.json, { characters: answer.text.length, asked })
    const remember = () => this.#remember(asked, page, answer.headers.get('etag'))
    return { page, secondsInCaches: inCaches, remember }
  }

  /** The tag is valid for one URL, and the URL changes with the cursor. */
  #remember({ after }: Position, { cursor }: FeedDocument, etag: string | null): void {
    this.#tag = after !== undefined && cursor === after && etag !== null ? { after, etag } : undefined
  }

  /** Asks for the events after a position. The body of a response without events is dropped. */
  async openStream({ after }: Position, signal: AbortSignal): Promise<Response> {
    const response = await fetch(this.#feedUrl, {
      headers: {
        accept: 'text/event-stream',
        'user-agent': this.#userAgent,
        ...(after !== undefined && { 'last-event-id': after }),
      },
      redirect: 'manual',
      signal,
    })
    if (!isEventStream(response)) await response.body?.cancel()
    return response
  }
}

/** Whether a response has events. */
export const isEventStream = (response: Response): response is Response & { body: ReadableStream<Uint8Array> } =>
  response.status === 200 &&
  response.body !== null &&
  /^text\/event-stream\b/.test(response.headers.get('content-type') ?? '')
