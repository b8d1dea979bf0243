/**
 * Follows the issuer's blacklist feed, so that a revoked token is refused here within a second and no
 * request waits for a network. Events where the line allows them, polling where it does not; whoever asks
 * is told how old the knowledge is.
 */
import { earlier, momentOf, type Clock, type Moment } from './clock.ts'
import { TokenError } from './errors.ts'
import { serverEvents } from './event-stream.ts'
import { FollowedList, type Position } from './followed-list.ts'
import { asFault, getJson, REQUEST_TIMEOUT_MS, RequestFault, timeLimit, type TimeLimit } from './get-document.ts'
import { readFeed, type FeedDocument, type RevocationEntry, type RevocationKind } from './revocation-list.ts'
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
const MOST_BYTES = 67_108_864

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
  /** The event line that is open. */
  #line: TimeLimit | undefined
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
      entries: this.#list.entries.size,
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
    return this.#list.entries.version
  }

  /** The entry that denies a token. @param kid of the key that verified it */
  findDenying(claims: TokenClaims, kid: string | undefined, nowSeconds: number): RevocationEntry | undefined {
    return this.#list.entries.findDenying(claims, kid, nowSeconds)
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
   * Follows events until the line ends: `failed` where it was never there, `unsupported` where something
   * answers that has no events, `busy` where it has none to give now, `cut short` where it ended right away.
   */
  async #stream(): Promise<'failed' | 'unsupported' | 'busy' | 'cut short' | 'ended'> {
    const limit = timeLimit(this.#closing.signal, REQUEST_TIMEOUT_MS)
    const progress = { answered: false, heardAt: 0 }
    let at = this.#list.position
    let askedAt: Moment | undefined = momentOf(this.#options.clock)
    this.#line = limit
    try {
      const response = await this.#openStream(at, limit.ended)
      progress.answered = true
      if (response.status >= 429) return 'busy'
      if (!isEventStream(response)) return 'unsupported'
      for await (const event of serverEvents(response.body)) {
        if (event?.event === 'blacklist') {
          const next = this.#take(at, parseEvent(this.#options.feedUrl, event.data), askedAt)
          if (!next) return 'ended'
          at = next
          // What the first event told is as old as the question; the others are told when they happen.
          askedAt = undefined
          progress.heardAt ||= performance.now()
          this.#mode = 'events'
        } else if (progress.heardAt && !this.#hear(at, undefined)) return 'ended'
        if (progress.heardAt) limit.extend(SILENCE_MS)
      }
    } catch (cause) {
      if (at.life !== this.#list.position.life) return 'ended'
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

  async #poll(): Promise<'ok' | 'failed'> {
    const { feedUrl, userAgent, clock } = this.#options
    const asked = this.#list.position
    const { after } = asked
    const url = after === undefined ? feedUrl : `${feedUrl}?after=${encodeURIComponent(after)}`
    const etag = this.#tag && this.#tag.after === after ? this.#tag.etag : undefined
    const askedAt = momentOf(clock)
    try {
      const answer = await getJson(url, { userAgent, maxBytes: MOST_BYTES, signal: this.#closing.signal, etag })
      const saidAt = earlier(askedAt, secondsInCaches(answer.headers))
      const next = answer.changed ? this.#take(asked, parseFeed(url, answer.json), saidAt) : undefined
      if (answer.changed) this.#remember(asked, next, answer.headers.get('etag'))
      else this.#hear(asked, saidAt)
      // The list starts over, and the whole of it is asked for at once.
      if (after !== undefined && !this.#list.isWhole) return await this.#poll()
      // A line that follows the list as it was before has nothing more to say.
      if (after === undefined && next) this.#line?.end('follows a list that started over')
      if (this.#mode !== 'events') this.#mode = 'polling'
      return 'ok'
    } catch (cause) {
      this.#lastError = asFault(url, cause, this.#closing.signal).message
      return 'failed'
    }
  }

  /** The tag belongs to the URL, which changes with the cursor. */
  #remember({ after }: Position, next: Position | undefined, etag: string | null): void {
    const isSame = after !== undefined && next?.after === after
    this.#tag = isSame && etag !== null ? { after, etag } : undefined
  }

  /** For a token that may not be judged on old knowledge: ask once, for however many wait. */
  async #askNow(): Promise<void> {
    if (this.#isClosed() || this.#evenMs() - this.#askedInVainAt < ASK_AGAIN_MS) return
    this.#asking ??= this.#poll()
      .then((outcome) => void (this.#askedInVainAt = outcome === 'failed' ? this.#evenMs() : -Infinity))
      .finally(() => (this.#asking = undefined))
    await this.#asking
  }

  /** @returns from where the line goes on that brought the answer; nothing where it has to ask anew */
  #take(asked: Position, document: FeedDocument, askedAt: Moment | undefined): Position | undefined {
    const taken = this.#list.take(asked, document)
    if (taken === 'outdated' || taken === 'start over') return undefined
    if (taken.kinds.size > 0) for (const listener of this.#listeners) listener(taken.kinds)
    const isHeard = this.#hear(taken.at, askedAt)
    this.#endFirstLoad()
    return isHeard ? taken.at : undefined
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

/** RFC 9111 §5.1: how long ago a cache on the way has heard this from the issuer. */
const secondsInCaches = (headers: Headers): number =>
  Number(/^\d{1,9}$/.exec(headers.get('age')?.trim() ?? '')?.[0] ?? 0)

/** Half of it is chance, so that many followers do not come back in one moment. */
function backOffMs(failures: number): number {
  const most = Math.min(BACK_OFF_MS.first * 2 ** Math.min(failures, 10), BACK_OFF_MS.most)
  return most / 2 + Math.random() * (most / 2)
}

function parseEvent(url: string, data: string): FeedDocument {
  try {
    return parseFeed(url, JSON.parse(data))
  } catch (cause) {
    throw cause instanceof RequestFault ? cause : new RequestFault(url, 'sent an event that is not JSON', { cause })
  }
}

function parseFeed(url: string, json: unknown): FeedDocument {
  try {
    return readFeed(json)
  } catch (cause) {
    throw new RequestFault(url, cause instanceof Error ? cause.message : 'is no blacklist feed', { cause })
  }
}
