/** A page of the feed: the address that it is asked at, and its document, by request or by event. */
import type { Position } from './followed-list.ts'
import { RequestFault } from './get-document.ts'
import { isBefore, readFeed, type FeedDocument } from './revocation-list.ts'

/** The query that the feed's address has already stays. */
export function pageUrl(feedUrl: string, after: string | undefined): string {
  if (after === undefined) return feedUrl
  const url = new URL(feedUrl)
  url.searchParams.set('after', after)
  return url.href
}

/** @throws RequestFault if the data of an event is no page of a feed */
export function parseEvent(url: string, data: string, asked: Position): FeedDocument {
  try {
    return parseFeed(url, JSON.parse(data), { characters: data.length, asked })
  } catch (cause) {
    throw cause instanceof RequestFault ? cause : new RequestFault(url, 'sent an event that is not JSON', { cause })
  }
}

/** @throws RequestFault if this is no page of a feed, or if its cursor would be asked for without end */
export function parseFeed(
  url: string,
  json: unknown,
  { characters, asked: { after } }: { characters: number; asked: Position },
): FeedDocument {
  try {
    const page = readFeed(json, characters)
    if (!page.hasMore || after === undefined || isBefore(page.cursor, after) || isBefore(after, page.cursor))
      return page
    throw new Error('says that more follows, and its cursor does not grow')
  } catch (cause) {
    throw new RequestFault(url, cause instanceof Error ? cause.message : 'is no blacklist feed', { cause })
  }
}
