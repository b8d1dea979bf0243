/** Thousands of slow connections: they are closed, and other clients are served as before. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { Caller } from '../caller.ts'
import type { Context, Fault } from '../fault.ts'
import { allOf, atLeast, control, skipped, type Finding } from '../finding.ts'
import { GoodTraffic, goodFindings } from '../good-traffic.ts'
import { preparePlace } from '../place.ts'
import { canSeeSockets, peersOf } from '../server-sockets.ts'
import { SlowConnections, type Slowness } from '../slow-connections.ts'

const CLOSED_WITHIN_S = 15
const P99_MS = 250
const LOOK_EVERY_MS = 500
/** Longer than the bound, so that the table can show by how much it was missed. */
const LOOK_FOR_MS = 17_500
/** No bytes wait to be read, as the kernel writes it. */
const NOTHING = '00000000'
/** Each reader fills megabytes of the kernel's memory, so there are fewer of them. */
const READERS = 1 / 20

export const slowClients: Fault = {
  name: 'slow-clients',
  title: 'slow headers, slow bodies, slow readers',
  async run(context) {
    if (!canSeeSockets()) return [skipped('slow connections', 'this system does not tell which connections are open')]
    const total = context.count(1000, 5000)
    const place = preparePlace(context)
    const server = await place.start()
    const traffic = new GoodTraffic(new Caller(server.url, place.app))
    await traffic.prepare()
    const follower = await follow(context, server.url)
    let over = false
    const good = traffic.run(() => over)
    const readers = total * READERS
    const open = (kind: Slowness, count: number) => new SlowConnections(context, kind, server.url, count)
    const lots = [open('slow readers', readers / 2), open('readers of nothing', readers / 2)]
    for (const kind of ['slow headers', 'slow bodies'] as const) lots.push(open(kind, (total - readers) / 2))
    const closed = await watch(context, Number(new URL(server.url).port), lots)
    over = true
    return [
      ...lots.flatMap((lot) => closedFindings(lot, closed)),
      ...goodFindings('beside them', await good, P99_MS),
      followerFinding(follower, server.url),
    ]
  },
}

/**
 * How long each connection was open at the server's end, in seconds, by its port. For a connection that does not read,
 * the time counts from the last byte that left.
 */
async function watch(context: Context, serverPort: number, lots: SlowConnections[]): Promise<Map<number, number>> {
  const began = performance.now()
  const closed = new Map<number, number>()
  const moved = new Map<number, { queued: string; at: number }>()
  const total = lots.reduce((sum, { count }) => sum + count, 0)
  while (performance.now() - began < LOOK_FOR_MS && closed.size < total) {
    await pause(LOOK_EVERY_MS)
    const now = performance.now()
    const open = peersOf(serverPort)
    const ended = new Set(lots.flatMap((lot) => [...lot.closed.keys()]))
    for (const [port, openedAt] of lots.flatMap(({ opened }) => [...opened])) {
      const queued = ended.has(port) ? undefined : open.get(port)
      const last = moved.get(port)
      if (queued === undefined && !closed.has(port)) closed.set(port, (now - (last?.at ?? openedAt)) / 1000)
      else if (queued !== undefined && queued !== NOTHING && queued !== last?.queued)
        moved.set(port, { queued, at: now })
    }
    context.progress(`${closed.size} of ${total} closed after ${((now - began) / 1000).toFixed(0)} s`)
  }
  return closed
}

function closedFindings({ kind, count, opened, refused }: SlowConnections, closed: Map<number, number>): Finding[] {
  const times = [...opened.keys()].map((port) => closed.get(port) ?? Infinity)
  const inTime = times.filter((seconds) => seconds <= CLOSED_WITHIN_S).length
  const last = Math.max(...times)
  const note = `the last after ${Number.isFinite(last) ? last.toFixed(1) : `more than ${LOOK_FOR_MS / 1000 - 1}`} s`
  return [
    allOf(`${kind}: closed in ${CLOSED_WITHIN_S} s`, inTime, opened.size, note),
    atLeast('… that were connected', opened.size, count, '', `${refused} refused`),
  ]
}

/** A follower of the feed reads all bytes and sends none: it is no slow client. @returns its port */
async function follow(context: Context, url: string): Promise<number> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  context.onEnd(() => void socket.destroy())
  await once(socket, 'connect')
  socket.on('error', () => {}).resume()
  socket.write('GET /blacklist/feed HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n')
  return socket.localPort ?? 0
}

/** The same question about a connection that must stay open. */
function followerFinding(port: number, url: string): Finding {
  const isOpen = peersOf(Number(new URL(url).port)).has(port)
  const found = isOpen ? 'open' : 'closed'
  return control('a follower of the feed, which reads', found, `closed in ${CLOSED_WITHIN_S} s`, isOpen)
}
