/**
 * A small round-robin proxy, as any load balancer is: a replica that accepts no connection is passed over, and a request
 * that is under way at a replica that dies is broken off. It never repeats a request that was sent.
 */
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { OnEnd } from './folder.ts'
import { listen } from './listen.ts'

export interface Balancer {
  url: string
  /** Gives requests to a replica, from now on. */
  add(url: string): void
  /** Gives a replica no more requests. Resolves when none is under way there. */
  remove(url: string): Promise<void>
  /** A replica is about to be killed: what is under way there may break. Requests go there until connections are refused. */
  expectDeath(url: string): void
  /** Resolves when the last byte of a request that writes has just been sent to a replica. */
  nextWrite(url: string): Promise<void>
  /** Requests that broke under way at a replica whose death was expected, and at others. */
  broken: { there: number; elsewhere: number }
}

/** Longer than a replica keeps an idle connection: its `Keep-Alive` header is passed on, and clients believe it. */
const KEPT_MS = 90_000

interface Target {
  url: string
  isDying: boolean
  /** Told of each request that writes, when its last byte was sent. */
  awaited?: () => void
  agent: Agent
  /** Requests that have no whole response yet. */
  underWay: number
}

export async function startBalancer(onEnd: OnEnd): Promise<Balancer> {
  const targets: Target[] = []
  const broken = { there: 0, elsewhere: 0 }
  let turn = 0
  const next = (tried: Target[]): Target | undefined => {
    const left = targets.filter((target) => !tried.includes(target))
    return left[turn++ % left.length]
  }
  const server = createServer({ keepAliveTimeout: KEPT_MS }, (incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => pass(incoming, Buffer.concat(chunks), outgoing, []))
    incoming.on('error', () => {})
  })
  function pass(incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse, tried: Target[]): void {
    const target = next(tried)
    if (!target) return void outgoing.writeHead(502).end('no replica')
    const { method = 'GET', headers, url = '/' } = incoming
    const sent = request(target.url + url, { method, headers, agent: target.agent })
    target.underWay++
    sent.once('close', () => target.underWay--)
    const breakOff = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'ECONNREFUSED') {
        if (target.isDying) targets.splice(targets.indexOf(target), targets.includes(target) ? 1 : 0)
        return pass(incoming, body, outgoing, [...tried, target])
      }
      broken[target.isDying ? 'there' : 'elsewhere']++
      outgoing.destroy()
    }
    sent.once('error', breakOff)
    sent.once('response', (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.rawHeaders)
      response.once('error', breakOff)
      response.pipe(outgoing)
    })
    if (method === 'POST') sent.once('finish', () => target.awaited?.())
    sent.end(body)
  }
  const port = await listen(server)
  onEnd(() => {
    server.close()
    server.closeAllConnections()
  })
  return {
    url: `http://127.0.0.1:${port}`,
    broken,
    add: (url) => void targets.push({ url, isDying: false, agent: new Agent({ keepAlive: true }), underWay: 0 }),
    async remove(url) {
      for (const target of targets.filter((each) => each.url === url)) {
        targets.splice(targets.indexOf(target), 1)
        while (target.underWay > 0) await pause(5)
        target.agent.destroy()
      }
    },
    expectDeath: (url) => void (targetAt(targets, url).isDying = true),
    nextWrite: (url) => new Promise((resolve) => (targetAt(targets, url).awaited = resolve)),
  }
}

function targetAt(targets: Target[], url: string): Target {
  const found = targets.find((target) => target.url === url)
  if (!found) throw new Error(`no replica at ${url}`)
  return found
}
