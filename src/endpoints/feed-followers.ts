/**
 * Who follows the feed by a stream. It never holds up other requests for them: they are told a few in a turn, and
 * whoever does not fetch what was sent is sent nothing more.
 */
import type { ServerResponse } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { eventOf, type FeedPages, type Page } from '../blacklist/feed-pages.ts'
import { Shed } from '../ground/errors.ts'
import type { Caller } from '../limits/network.ts'
import type { Rooms } from '../http/rooms.ts'

const MOST_FOLLOWERS = 2000
/** So that one network cannot take all of them. */
const MOST_OF_NETWORK = 500
/** Tells proxies and followers that the line is alive. */
const HEARTBEAT_MS = 15_000
/** Followers that are told before other requests have their turn. */
const TOLD_IN_A_TURN = 50

export interface Follower {
  outgoing: ServerResponse
  caller: Caller
  /** The cursor of what it has been sent. */
  sent: number
  /** Called at every event and heartbeat. */
  onLife(): void
}

/** A follower is counted from when its line is there until its line is closed. */
export class Followers {
  readonly #rooms: Rooms
  readonly #pages: FeedPages
  readonly #all = new Set<Follower>()
  readonly #ofNetwork = new Map<string, number>()
  #hasNews = false
  #isTelling = false

  constructor(rooms: Rooms, pages: FeedPages) {
    this.#rooms = rooms
    this.#pages = pages
    rooms.feed.follow(() => {
      this.#hasNews = true
      if (!this.#isTelling) void this.#tellAll()
    })
  }

  /** @throws Shed where there are too many. */
  requireRoom(follower: Follower): void {
    const why = this.#whyNot(follower)
    if (why === undefined) return
    this.#rooms.limits.noteShed('followers')
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
    // Others may have come since it asked.
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
    this.#rooms.traffic.feedFollowers = this.#all.size
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
      this.#rooms.log.error('followers of the feed could not be told', { reason: String(error) })
    } finally {
      this.#isTelling = false
    }
  }

  /** Sends what the follower lacks; the end where the service stops. */
  #tell(follower: Follower): void {
    if (!this.#rooms.isReady()) return void follower.outgoing.end()
    const page = this.#pages.since(follower.sent)
    if (page.cursor !== String(follower.sent)) this.#send(follower, page)
  }

  #send(follower: Follower, page: Page): void {
    if (this.#write(follower, eventOf(page))) follower.sent = Number(page.cursor)
  }

  /** False where nothing could be sent: who does not fetch what came before is told the rest when it has. */
  #write({ outgoing, onLife }: Follower, bytes: Buffer | string): boolean {
    if (!this.#rooms.isReady()) outgoing.end()
    if (outgoing.writableEnded || outgoing.writableNeedDrain) return false
    outgoing.write(bytes)
    onLife()
    return true
  }
}
