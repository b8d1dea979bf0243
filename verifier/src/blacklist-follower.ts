/**
 * Follows the issuer's blacklist feed, so that a revoked token is refused here within a second and no
 * request waits for a network. Events where the line allows them, polling where it does not; whoever asks
 * is told how old the knowledge is.
 */
import { TokenError } from './errors.ts'
import { serverEvents } from './event-stream.ts'
import { asFault, getJson, REQUEST_TIMEOUT_MS, RequestFault, timeLimit } from './get-document.ts'
import {
  readFeed,
  RevocationList,
  type FeedDocument,
  type RevocationEntry,
  type RevocationKind,
} from './revocation-list.ts'
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
  clock: { now(): number }
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
const PRUNE_EVERY_MS = 30_000
const MOST_BYTES = 67_108_864

type Listener = (kinds: Set<RevocationKind>) => void

export class BlacklistFollower {
  readonly #options: FollowerOptions
  readonly #list: RevocationList
  readonly #closing = new AbortController()
  readonly #listeners: Listener[] = []
  #mode: RevocationStatus['mode'] = 'idle'
  #cursor: string | undefined
  #etag: string | undefined
  #heardAt: number | undefined
  #lastError: string | null = null
  #prunedAt = 0
  /** Settles with the first load or the first failure, whichever comes first. */
  #firstLoad: Promise<void> | undefined
  #endFirstLoad = () => {}
  #asking: Promise<void> | undefined
  #askedInVainAt = -Infinity

  constructor(options: FollowerOptions) {
    this.#options = options
    this.#list = new RevocationList(options.lingerSeconds)
  }

  /** Called with the kinds of what came or went. */
  onChange(listener: Listener): void {
    this.#listeners.push(listener)
  }

  status(): RevocationStatus {
    return {
      mode: this.#mode,
      cursor: this.#cursor ?? null,
      entries: this.#list.size,
      staleSeconds: this.#staleMs() / 1000,
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
    const isFresh = this.#staleMs() <= this.#boundMs(policy)
    return isFresh ? undefined : this.#freshen(policy)
  }

  /** Changes with every entry that comes. */
  get version(): number {
    return this.#list.version
  }

  /** The entry that denies a token. @param kid of the key that verified it */
  findDenying(claims: TokenClaims, kid: string | undefined): RevocationEntry | undefined {
    return this.#list.findDenying(claims, kid, this.#now() / 1000)
  }

  async #freshen(policy: StalenessPolicy | undefined): Promise<void> {
    await this.#start()
    if (this.#staleMs() <= this.#boundMs(policy)) return
    if ((policy?.whenStale ?? this.#options.policy.whenStale) === 'open') return
    await this.#askNow()
    if (this.#staleMs() <= this.#boundMs(policy)) return
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
      const polls = this.#now() < pollsUntil
      const outcome = polls ? await this.#poll() : await this.#stream()
      if (this.#isClosed()) return
      if (!polls || outcome === 'failed') this.#mode = 'connecting'
      if (outcome === 'failed') this.#endFirstLoad()
      failures = outcome === 'failed' ? failures + 1 : 0
      shortStreams = outcome === 'cut short' ? shortStreams + 1 : 0
      // Where events are refused, a poll follows at once.
      if (outcome === 'unsupported') pollsUntil = this.#now() + POLLS_FOR_MS
      else if (outcome === 'busy' || shortStreams === MOST_SHORT_STREAMS) pollsUntil = this.#now() + BUSY_MS
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
    try {
      const response = await this.#openStream(limit.ended)
      progress.answered = true
      if (response.status >= 429) return 'busy'
      if (!isEventStream(response)) return 'unsupported'
      for await (const event of serverEvents(response.body)) {
        if (event?.event === 'blacklist') {
          this.#take(parseEvent(this.#options.feedUrl, event.data))
          progress.heardAt ||= performance.now()
          this.#mode = 'events'
        } else if (progress.heardAt) this.#hear()
        if (progress.heardAt) limit.extend(SILENCE_MS)
      }
    } catch (cause) {
      this.#lastError = asFault(this.#options.feedUrl, cause, limit.ended).message
      if (!progress.answered) return 'failed'
    } finally {
      limit.done()
    }
    // Some proxies keep a stream back; polling gets through them.
    if (limit.ended.aborted && !progress.heardAt) return 'unsupported'
    return !progress.heardAt || performance.now() - progress.heardAt < SHORTEST_STREAM_MS ? 'cut short' : 'ended'
  }

  async #openStream(signal: AbortSignal): Promise<Response> {
    const { feedUrl, userAgent } = this.#options
    const response = await fetch(feedUrl, {
      headers: {
        accept: 'text/event-stream',
        'user-agent': userAgent,
        ...(this.#cursor !== undefined && { 'last-event-id': this.#cursor }),
      },
      redirect: 'manual',
      signal,
    })
    if (!isEventStream(response)) await response.body?.cancel()
    return response
  }

  async #poll(): Promise<'ok' | 'failed'> {
    const { feedUrl, userAgent } = this.#options
    const url = this.#cursor === undefined ? feedUrl : `${feedUrl}?after=${encodeURIComponent(this.#cursor)}`
    try {
      const { signal } = this.#closing
      const answer = await getJson(url, { userAgent, maxBytes: MOST_BYTES, signal, etag: this.#etag })
      if (answer.changed) {
        const before = this.#cursor
        this.#take(parseFeed(url, answer.json))
        // The tag belongs to the URL, which changes with the cursor.
        this.#etag = before === this.#cursor ? (answer.headers.get('etag') ?? undefined) : undefined
      } else this.#hear()
      if (this.#mode !== 'events') this.#mode = 'polling'
      return 'ok'
    } catch (cause) {
      this.#lastError = asFault(url, cause, this.#closing.signal).message
      return 'failed'
    }
  }

  /** For a token that may not be judged on old knowledge: ask once, for however many wait. */
  async #askNow(): Promise<void> {
    if (this.#isClosed() || this.#now() - this.#askedInVainAt < ASK_AGAIN_MS) return
    this.#asking ??= this.#poll()
      .then((outcome) => void (this.#askedInVainAt = outcome === 'failed' ? this.#now() : -Infinity))
      .finally(() => (this.#asking = undefined))
    await this.#asking
  }

  #take(document: FeedDocument): void {
    // A cursor that went back was given by a database that a restore replaced: this is the whole list.
    const startOver = this.#cursor === undefined || Number(document.cursor) < Number(this.#cursor)
    const kinds = this.#list.apply(document, { startOver })
    if (document.cursor !== this.#cursor) this.#etag = undefined
    this.#cursor = document.cursor
    this.#hear()
    this.#endFirstLoad()
    if (kinds.size > 0) for (const listener of this.#listeners) listener(kinds)
  }

  #hear(): void {
    const now = this.#now()
    this.#heardAt = now
    this.#lastError = null
    if (now - this.#prunedAt < PRUNE_EVERY_MS) return
    this.#prunedAt = now
    this.#list.prune(now / 1000)
  }

  #staleMs(): number {
    return this.#heardAt === undefined ? Infinity : Math.max(0, this.#now() - this.#heardAt)
  }

  #boundMs(policy: StalenessPolicy | undefined): number {
    return (policy?.maxStalenessSeconds ?? this.#options.policy.maxStalenessSeconds ?? 300) * 1000
  }

  #isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  #now(): number {
    return this.#options.clock.now()
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
