/** The blacklist, the feed and the verifier of production, asked about values: entries go in, and answers come out. */
import { RevocationList, type FeedDocument, type FeedEntry } from '../../verifiers/node/src/revocation-list.ts'
import { FeedPages } from '../../src/blacklist/feed-pages.ts'
import { BlacklistFeed } from '../../src/blacklist/feed.ts'
import { Blacklist, type DeniableToken } from '../../src/blacklist/match.ts'
import { SteadyClock } from '../../src/ground/clock.ts'
import type { BlacklistEntry } from '../../src/store/records/blacklist.ts'
import type { Store } from '../../src/store/store.ts'

const CLOCK = new SteadyClock({ now: () => 0, elapsed: () => 0 })

const storeOf = (entries: readonly BlacklistEntry[]): Store => {
  const since = (revision: number) => entries.filter((each) => each.revision > revision)
  const listBlacklistSince = async (revision: number) => since(revision).toSorted((a, b) => a.revision - b.revision)
  return { time: CLOCK, listBlacklistSince } as unknown as Store // a Blacklist asks for nothing else
}

/** The same question has the same answer. */
function remember<Argument extends unknown[], Answer>(
  ask: (...given: Argument) => Promise<Answer>,
): (...given: Argument) => Promise<Answer> {
  const answers = new Map<string, Promise<Answer>>()
  return (...given) => {
    const key = JSON.stringify(given)
    const answer = answers.get(key) ?? ask(...given)
    answers.set(key, answer)
    return answer
  }
}

export const memoryOf = remember((known: readonly BlacklistEntry[]) => Blacklist.open(storeOf(known)))

/** The entries that a replica knows after it has heard. */
export const hear = remember(async (known: readonly BlacklistEntry[], stored: readonly BlacklistEntry[]) => {
  // The first reading fills its memory, and the second one is the one that is told of.
  let entries = known
  const store = { time: CLOCK, listBlacklistSince: (revision: number) => storeOf(entries).listBlacklistSince(revision) }
  const blacklist = await Blacklist.open(store as unknown as Store)
  entries = stored
  const takeOver = await blacklist.read([{ noun: 'blacklist', id: 'any' }])
  takeOver()
  return [...blacklist.entries()]
})

export const pageOf = remember(async (known: readonly BlacklistEntry[], cursor: string): Promise<FeedDocument> => {
  const feed = new BlacklistFeed(await memoryOf(known), CLOCK)
  const { body } = new FeedPages(feed, CLOCK, { hit: 0, miss: 0 }).since(Number(cursor))
  return JSON.parse(body.toString()) as FeedDocument // as FeedPages writes it
})

/** Whether a verifier refuses a token that has not expired, by entries of the feed. */
export function isDeniedDownstream(
  entries: readonly FeedEntry[],
  token: Pick<DeniableToken, 'jti' | 'sub' | 'client_id' | 'iat'>,
): boolean {
  const list = new RevocationList(0)
  list.change({ entries: [...entries], removed: [] })
  return list.findDenying({ ...token, iss: 'issuer', aud: 'api', exp: 1 }, undefined, 0) !== undefined
}
