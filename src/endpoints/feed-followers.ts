/**
 * Followers of the feed by event stream. They never hold up other requests: news goes to a few followers in each turn of
 * the event loop, and a follower that does not read its stream is sent nothing more.
 */
import type { ServerResponse } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FeedPages, FeedPage } from '../blacklist/feed-pages.ts'
import { Shed } from '../ground/errors.ts'
import { couldMissDenial } from '../ground/silence.ts'
import type { NetworkCaller } from '../limits/network.ts'
import type { BlacklistFeed } from '../blacklist/feed.ts'
import type { Log } from '../ground/log.ts'
import type { Traffic } from '../ground/traffic.ts'
import type { Limits } from '../limits/limits.ts'
import type { Store } from '../store/store.ts'

const MOST_FOLLOWERS = 2000
/** Streams of one network, so that no network can take all of them. */
const MOST_OF_NETWORK = 500
/** Shows proxies and followers that the connection is alive. */
const HEARTBEAT_MS = 15_000
/** How often it is asked whether this process is cut off from the news. */
const LOOK_EVERY_MS = 500
/** News goes to this many followers before other requests have their turn. */
const TOLD_IN_A_TURN = 50

export interface Follower {
  outgoing: ServerResponse
  caller: NetworkCaller
  /** The cursor of the last page that was sent. */
  sent: number
  /** Called at every event and heartbeat. */
  onLife(): void
}

export interface FollowerNeeds {
  feed: BlacklistFeed
  limits: Limits
  traffic: Traffic
  log: Log
  store: Pick<Store, 'silenceMs'>
  isReady(): boolean
}

/** Whether a denial by another replica could be missing here. A follower has to hear so, or it takes itself for fresh. */
export const isCutOff = ({ store }: Pick<FollowerNeeds, 'store'>): boolean => couldMissDenial(store.silenceMs())

/** A follower is counted from the moment its connection is there until the connection is closed. */
export class Followers {
  readonly #needs: FollowerNeeds
  readonly #pages: FeedPages
  readonly #all = new Set<Follower>()
  readonly #ofNetwork = new Map<string, number>()
  #hasNews = false
  #isTelling = false
  #looking: NodeJS.Timeout | undefined

  constructor(needs: FollowerNeeds, pages: FeedPages) {
    this.#needs = needs
    this.#pages = pages
    needs.feed.follow(() => {
      this.#hasNews = true
      if (!this.#isTelling) void this.#tellAll()
    })
  }

  /** @throws Shed where there are too many. */
  requireRoom(follower: Follower): void {
    const why = this.#whyNot(follower)
    if (why === undefined) return
    this.#needs.limits.noteShed('followers')
    throw new Shed(why, { retryAfterSeconds: 10 })
  }

  #whyNot({ caller: { network, isLocal } }: Follower): string | undefined {
    const isOver = !isLocal && (this.#ofNetwork.get(network) ?? 0) >= MOST_OF_NETWORK
    if (isOver) return 'too many followers of the feed in one network'
    return this.#all.size >= MOST_FOLLOWERS ? 'too many followers of the feed' : undefined
  }

  add(follower: Follower): void {
    const { outgoing } = follower
    if (outgoing.destroyed) return
    // Other followers may have connected since this one asked.
    if (this.#whyNot(follower) !== undefined) return void outgoing.end()
    const heartbeat = setInterval(() => this.#write(follower, ': still here\n\n'), HEARTBEAT_MS)
    this.#count(follower, 1)
    outgoing.once('close', () => {
      clearInterval(heartbeat)
      this.#count(follower, -1)
    })
    outgoing.on('drain', () => this.#tell(follower))
    this.#send(follower, this.#pages.since(follower.sent))
  }

  #count(follower: Follower, change: 1 | -1): void {
    const { network } = follower.caller
    const followers = (this.#ofNetwork.get(network) ?? 0) + change
    if (followers > 0) this.#ofNetwork.set(network, followers)
    else this.#ofNetwork.delete(network)
    if (change > 0) this.#all.add(follower)
    else this.#all.delete(follower)
    this.#needs.traffic.feedFollowers = this.#all.size
    this.#watch()
  }

  /** While there are followers: ends their streams where this process is cut off, so that they go elsewhere. */
  #watch(): void {
    if (this.#all.size === 0) {
      clearInterval(this.#looking)
      this.#looking = undefined
    } else this.#looking ??= setInterval(() => this.#endIfCutOff(), LOOK_EVERY_MS).unref()
  }

  #endIfCutOff(): void {
    if (isCutOff(this.#needs)) for (const { outgoing } of this.#all) outgoing.end()
  }

  async #tellAll(): Promise<void> {
    this.#isTelling = true
    try {
      while (this.#hasNews) {
        this.#hasNews = false
        let told = 0
        for (const follower of this.#all) {
          if (told++ % TOLD_IN_A_TURN === 0) await nextTurn()
          this.#tell(follower)
        }
      }
    } catch (error) {
      this.#needs.log.error('followers of the feed could not be told', { reason: String(error) })
    } finally {
      this.#isTelling = false
    }
  }

  /** Sends the pages that the follower lacks, as far as it fetches them; ends the stream where the service stops. */
  #tell(follower: Follower): void {
    if (!this.#mayGoOn()) return void follower.outgoing.end()
    const page = this.#pages.since(follower.sent)
    if (page.cursor !== String(follower.sent)) this.#send(follower, page)
  }

  /** Sends a page and those that follow it; the rest is sent when the follower has read what was sent before. */
  #send(follower: Follower, page: FeedPage): void {
    if (!this.#write(follower, page.event)) return
    follower.sent = Number(page.cursor)
    if (page.hasMore) this.#tell(follower)
  }

  #mayGoOn(): boolean {
    return this.#needs.isReady() && !isCutOff(this.#needs)
  }

  /** @returns false where nothing was sent, because the follower has not fetched what was sent before */
  #write({ outgoing, onLife }: Follower, bytes: Buffer | string): boolean {
    if (!this.#mayGoOn()) outgoing.end()
    if (outgoing.writableEnded || outgoing.writableNeedDrain) return false
    outgoing.write(bytes)
    onLife()
    return true
  }
}
