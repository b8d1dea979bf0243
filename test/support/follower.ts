/** A follower of the blacklist feed by server-sent events. */
import { onTestFinished } from 'vitest'

export interface FeedEvent {
  event: string
  id: string
  data: { cursor: string; entries: Record<string, unknown>[]; removed: string[] }
}

export interface Follower {
  headers: Headers
  /** The next event; fails if none comes in time. */
  next(withinMs?: number): Promise<FeedEvent>
  /** Resolves when the server ends the stream. */
  ended: Promise<void>
  leave(): void
}

export async function follow(at: { url: string }, headers: Record<string, string> = {}, query = ''): Promise<Follower> {
  const leaving = new AbortController()
  onTestFinished(() => leaving.abort())
  const response = await fetch(`${at.url}/blacklist/feed${query}`, {
    headers: { accept: 'text/event-stream', ...headers },
    signal: leaving.signal,
  })
  if (!response.ok || !response.body) throw new Error(`${response.status} ${await response.text()}`)
  const come: FeedEvent[] = []
  let wake = () => {}
  const read = async (body: AsyncIterable<Uint8Array>) => {
    let text = ''
    for await (const chunk of body) {
      text += Buffer.from(chunk).toString()
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      come.push(...blocks.filter((block) => !block.startsWith(':')).map(parse))
      wake()
    }
  }
  const ended = read(response.body)
  ended.catch(() => {}) // leaving is no failure
  return {
    headers: response.headers,
    ended,
    leave: () => leaving.abort(),
    async next(withinMs = 1000) {
      const deadline = performance.now() + withinMs
      while (come.length === 0) {
        const left = deadline - performance.now()
        if (left <= 0) throw new Error(`no event within ${withinMs} ms`)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, left)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      return come.shift() as FeedEvent // there is one: the loop ended
    },
  }
}

function parse(block: string): FeedEvent {
  const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1] ?? ''
  return { event: field('event'), id: field('id'), data: JSON.parse(field('data')) }
}
