/**
 * Follows the issuer's blacklist feed, so that a revoked token is refused here within a second and no request waits for
 * a network. It takes events where the network lets them through, and polls where it does not. Whoever asks is told how
 * old the knowledge is.
 */
import { earlier, momentOf, type Clock, type Moment } from './clock.ts'
import { TokenError } from './errors.ts'
import { serverEvents } from './event-stream.ts'
import { FollowedList, type Position, type Taken } from './followed-list.ts'
import {
  asFault,
  getJson,
  REQUEST_TIMEOUT_MS,
  RequestFault,
  secondsInCaches,
  timeLimit,
  type TimeLimit,
} from './get-document.ts'
import { isBefore, readFeed, type Denial, type FeedDocument, type RevocationKind } from './revocation-list.ts'
import type { TokenClaims } from './token.ts'

/** What to do when the feed has not been heard for too long. */
export interface StalenessPolicy {
  /** Seconds since the issuer was last heard. Default 300. */
  maxStalenessSeconds?: number
  /** Past it, `closed` refuses with `revocations_stale` (503), `open` goes on with what is known. Default `closed`. */
  whenStale?: 'open' | 'closed'
}

export interface RevocationStatus {
  /** `idle` before the first token; `connecting` while neither way works. */
  mode: 'idle' | 'connecting' | 'events' | 'polling' | 'closed'
  /** Of the feed; `null` before the first load. */
  cursor: string | null
  entries: number
  /** Since the issuer was last heard; `Infinity` before. While all is well it is at most 15, the feed's heartbeat. */
  staleSeconds: number
  /** Why the last attempt failed, in words; `null` where it did not. */
  lastError: string | null
}

export interface FollowerOptions {
  feedUrl: string
  userAgent: string
  policy: StalenessPolicy
  lingerSeconds: number
  clock: Clock
}

/** Between two polls: an entry is noticed within a second. */
const POLL_MS = 700
/** Heartbeats come every 15 s; a line that is silent for longer is dead. */
const SILENCE_MS = 40_000
/** How long a poller waits before it tries events again. */
const POLLS_FOR_MS = 60_000
/** The same, where events are refused for the moment. */
const BUSY_MS = 10_000
const SHORTEST_STREAM_MS = 1_000
/** One such end is a restart, several are a proxy that takes no streams. */
const MOST_SHORT_STREAMS = 3
const BACK_OFF_MS = { first: 200, most: 5_000 }
/** Between two attempts to ask at once, on behalf of a token that may not be judged on old knowledge. */
const ASK_AGAIN_MS = 1_000
/** An issuer that knows no pages sends the whole list in one answer. */
const MOST_BYTES = 67_108_864
/** A page that follows another one has 512 KiB at most. */
const MOST_PAGE_BYTES = 576 * 1024

/** An open event stream. */
interface Line {
  limit: TimeLimit
  at: Position
  /** Whether the issuer has not sent everything yet; then a sign of life does not say that nothing is new. */
  hasMore: boolean
  /** When the first pages were asked for; `undefined` from then on, because later ones come by themselves. */
  askedAt: Moment | undefined
}

/** What an answer to a poll was. */
type Answer = 'more' | 'last' | 'start over'

type Listener = (kinds: ReadonlySet<RevocationKind>) => void

export class BlacklistFollower {
  readonly #options: FollowerOptions
  readonly #list: FollowedList
  readonly #closing = new AbortController()
  readonly #listeners: Listener[] = []
  #mode: RevocationStatus['mode'] = 'idle'
  /** Of the document that holds what came after a cursor. */
  #tag: { after: string; etag: string } | undefined
  #lastError: string | null = null
  /** The event stream that is open. */
  #line: Line | undefined
  /** Settles with the first load or the first failure, whichever comes first. */
  #firstLoad: Promise<void> | undefined
  #endFirstLoad = () => {}
  #asking: Promise<void> | undefined
  #askedInVainAt = -Infinity

  constructor(options: FollowerOptions) {
    this.#options = options
    this.#list = new FollowedList(options.lingerSeconds)
  }

  /** Called with the kinds of what came or went. */
  onChange(listener: Listener): void {
    this.#listeners.push(listener)
  }

  status(): RevocationStatus {
    return {
      mode: this.#mode,
      cursor: this.#list.cursor ?? null,
      entries: this.#list.size,
      staleSeconds: this.#list.staleMs(momentOf(this.#options.clock)) / 1000,
      lastError: this.#lastError,
    }
  }

  close(): void {
    this.#mode = 'closed'
    this.#endFirstLoad()
    this.#closing.abort()
  }

  /**
   * Nothing where what is known is fresh enough for the caller, else the work of making it so.
   * @throws TokenError `revocations_stale`, asynchronously
   */
  whenFresh(policy: StalenessPolicy | undefined): Promise<void> | undefined {
    const asked = momentOf(this.#options.clock)
    if (this.#list.watchClock(asked)) void this.#askNow()
    return this.#isFresh(asked, policy) ? undefined : this.#freshen(asked, policy)
  }

  /** Changes with every entry that comes. */
  get version(): number {
    return this.#list.version
  }

  /** The entry that denies a token. @param kid of the key that verified it */
  findDenying(claims: TokenClaims, kid: string | undefined, nowSeconds: number): Denial | undefined {
    return this.#list.findDenying(claims, kid, nowSeconds)
  }

  /** @param asked when the token came: what the issuer is asked from then on is fresh enough for every bound */
  async #freshen(asked: Moment, policy: StalenessPolicy | undefined): Promise<void> {
    await this.#start()
    if (this.#isFresh(asked, policy)) return
    if ((policy?.whenStale ?? this.#options.policy.whenStale) === 'open') return
    await this.#askNow()
    // A question that was under way already may be older than the bound allows.
    if (!this.#isFresh(asked, policy)) await this.#askNow()
    if (this.#isFresh(asked, policy)) return
    const told = this.#lastError === null ? '' : `: ${this.#lastError}`
    throw new TokenError('revocations_stale', `it is not known which tokens were revoked lately${told}`)
  }

  /** The first token starts it; nothing is fetched before it is needed. */
  #start(): Promise<void> {
    this.#firstLoad ??= new Promise((resolve) => {
      this.#endFirstLoad = resolve
      void this.#run()
    })
    return this.#firstLoad
  }

  async #run(): Promise<void> {
    let failures = 0
    let shortStreams = 0
    let pollsUntil = 0
    while (!this.#isClosed()) {
      const polls = this.#evenMs() < pollsUntil
      const outcome = polls ? await this.#poll() : await this.#stream()
      if (this.#isClosed()) return
      if (!polls || outcome === 'failed') this.#mode = 'connecting'
      if (outcome === 'failed') this.#endFirstLoad()
      failures = outcome === 'failed' ? failures + 1 : 0
      shortStreams = outcome === 'cut short' ? shortStreams + 1 : 0
      // Where events are refused, a poll follows at once.
      if (outcome === 'unsupported') pollsUntil = this.#evenMs() + POLLS_FOR_MS
      else if (outcome === 'busy' || shortStreams === MOST_SHORT_STREAMS) pollsUntil = this.#evenMs() + BUSY_MS
      else await this.#pause(outcome === 'ok' ? POLL_MS : backOffMs(failures))
    }
  }

  /**
   * Follows events until the connection ends: `failed` where there never was one, `unsupported` where something answers
   * that has no events, `busy` where it has none to give now, `cut short` where it ended right away.
   */
  async #stream(): Promise<'failed' | 'unsupported' | 'busy' | 'cut short' | 'ended'> {
    const limit = timeLimit(this.#closing.signal, REQUEST_TIMEOUT_MS)
    const line: Line = { limit, at: this.#list.position, hasMore: true, askedAt: momentOf(this.#options.clock) }
    const progress = { answered: false, heardAt: 0 }
    this.#line = line
    try {
      const response = await this.#openStream(line.at, limit.ended)
      progress.answered = true
      if (response.status >= 429) return 'busy'
      if (!isEventStream(response)) return 'unsupported'
      for await (const event of serverEvents(response.body)) {
        if (event?.event === 'blacklist') {
          if (!this.#takeEvent(line, event.data)) return 'ended'
          progress.heardAt ||= performance.now()
          this.#mode = 'events'
        } else if (!line.hasMore && !this.#hear(line.at, undefined)) return 'ended'
        if (progress.heardAt) limit.extend(SILENCE_MS)
      }
    } catch (cause) {
      if (line.at.life !== this.#list.position.life) return 'ended'
      this.#lastError = asFault(this.#options.feedUrl, cause, limit.ended).message
      if (!progress.answered) return 'failed'
    } finally {
      limit.done()
      this.#line = undefined
    }
    // Some proxies keep a stream back; polling gets through them.
    if (limit.ended.aborted && !progress.heardAt) return 'unsupported'
    return !progress.heardAt || performance.now() - progress.heardAt < SHORTEST_STREAM_MS ? 'cut short' : 'ended'
  }

  /** @returns whether the connection can go on; otherwise it has to ask again */
  #takeEvent(line: Line, data: string): boolean {
    const page = parseEvent(this.#options.feedUrl, data, line.at)
    const taken = this.#take(line.at, page, line.askedAt)
    if (typeof taken === 'string') return false
    line.at = taken.at
    line.hasMore = page.hasMore
    // The pages up to the first last one are as old as the question; later ones are sent when they happen.
    if (!page.hasMore) line.askedAt = undefined
    return true
  }

  async #openStream({ after }: Position, signal: AbortSignal): Promise<Response> {
    const { feedUrl, userAgent } = this.#options
    const response = await fetch(feedUrl, {
      headers: {
        accept: 'text/event-stream',
        'user-agent': userAgent,
        ...(after !== undefined && { 'last-event-id': after }),
      },
      redirect: 'manual',
      signal,
    })
    if (!isEventStream(response)) await response.body?.cancel()
    return response
  }

  /** Asks for page after page until the list holds everything. */
  async #poll(): Promise<'ok' | 'failed'> {
    let startsOver = 0
    let answer: Answer | undefined
    try {
      do {
        answer = await this.#askPage(answer)
        if (answer === 'start over' && ++startsOver > 1)
          throw new RequestFault(this.#options.feedUrl, 'starts over at each answer')
      } while (answer !== 'last')
    } catch (cause) {
      this.#lastError = asFault(this.#options.feedUrl, cause, this.#closing.signal).message
      return 'failed'
    }
    // A connection that follows the list as it was before has nothing more to say.
    if (this.#line && this.#line.at.life !== this.#list.position.life)
      this.#line.limit.end('follows a list that started over')
    if (this.#mode !== 'events') this.#mode = 'polling'
    return 'ok'
  }

  /** @param before what the page before this one was */
  async #askPage(before: Answer | undefined): Promise<Answer> {
    const { feedUrl, userAgent, clock } = this.#options
    const asked = this.#list.position
    const { after } = asked
    const url = after === undefined ? feedUrl : `${feedUrl}?after=${encodeURIComponent(after)}`
    const etag = this.#tag && this.#tag.after === after ? this.#tag.etag : undefined
    const askedAt = momentOf(clock)
    const maxBytes = before === 'more' && after !== undefined ? MOST_PAGE_BYTES : MOST_BYTES
    const answer = await getJson(url, { userAgent, maxBytes, signal: this.#closing.signal, etag })
    const saidAt = earlier(askedAt, secondsInCaches(answer.headers))
    if (!answer.changed) {
      this.#hear(asked, saidAt)
      return this.#list.isWhole ? 'last' : 'more'
    }
    const page = parseFeed(url, answer.json, { characters: answer.text.length, asked })
    const taken = this.#take(asked, page, saidAt)
    if (taken === 'start over') return taken
    this.#remember(asked, page, answer.headers.get('etag'))
    // The list may have been finished by another connection, or begun anew.
    return this.#list.isWhole && (taken === 'outdated' || !page.hasMore) ? 'last' : 'more'
  }

  /** The tag belongs to the URL, which changes with the cursor. */
  #remember({ after }: Position, { cursor }: FeedDocument, etag: string | null): void {
    this.#tag = after !== undefined && cursor === after && etag !== null ? { after, etag } : undefined
  }

  /** For a token that may not be judged on old knowledge: ask once, for however many wait. */
  async #askNow(): Promise<void> {
    if (this.#isClosed() || this.#evenMs() - this.#askedInVainAt < ASK_AGAIN_MS) return
    this.#asking ??= this.#poll()
      .then((outcome) => void (this.#askedInVainAt = outcome === 'failed' ? this.#evenMs() : -Infinity))
      .finally(() => (this.#asking = undefined))
    await this.#asking
  }

  /** @returns `outdated` also where the answer is true of another list than the one at hand */
  #take(asked: Position, page: FeedDocument, askedAt: Moment | undefined): Taken {
    const taken = this.#list.take(asked, page)
    if (typeof taken === 'string') return taken
    if (taken.kinds.size > 0) for (const listener of this.#listeners) listener(taken.kinds)
    if (page.hasMore || !this.#list.isWhole) return taken
    const isHeard = this.#hear(taken.at, askedAt)
    this.#endFirstLoad()
    return isHeard ? taken : 'outdated'
  }

  /** @param askedAt left out where the issuer spoke by itself. @returns whether what it said is true of the list at hand */
  #hear(at: Position, askedAt: Moment | undefined): boolean {
    const moment = askedAt ?? momentOf(this.#options.clock)
    const isHeard = this.#list.hear(at, moment, { isAnswer: askedAt !== undefined })
    if (isHeard) this.#lastError = null
    return isHeard
  }

  #isFresh(asked: Moment, policy: StalenessPolicy | undefined): boolean {
    return this.#list.staleMs(asked) <= this.#boundMs(policy)
  }

  #boundMs(policy: StalenessPolicy | undefined): number {
    return (policy?.maxStalenessSeconds ?? this.#options.policy.maxStalenessSeconds ?? 300) * 1000
  }

  #isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  #evenMs(): number {
    return this.#options.clock.elapsed()
  }

  /** Waits, unless closed meanwhile; keeps no process alive. */
  #pause(milliseconds: number): Promise<void> {
    const { signal } = this.#closing
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, milliseconds)
      timer.unref()
      signal.addEventListener('abort', end)
    })
  }
}

const isEventStream = (response: Response): response is Response & { body: ReadableStream<Uint8Array> } =>
  response.status === 200 &&
  response.body !== null &&
  /^text\/event-stream\b/.test(response.headers.get('content-type') ?? '')

/** Half of it is chance, so that many followers do not come back in one moment. */
function backOffMs(failures: number): number {
  const most = Math.min(BACK_OFF_MS.first * 2 ** Math.min(failures, 10), BACK_OFF_MS.most)
  return most / 2 + Math.random() * (most / 2)
}

function parseEvent(url: string, data: string, asked: Position): FeedDocument {
  try {
    return parseFeed(url, JSON.parse(data), { characters: data.length, asked })
  } catch (cause) {
    throw cause instanceof RequestFault ? cause : new RequestFault(url, 'sent an event that is not JSON', { cause })
  }
}

/** @throws RequestFault where it is no page of a feed, or one that would be asked for without end */
function parseFeed(
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
