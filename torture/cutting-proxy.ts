/**
 * A TCP proxy that loses answers: it hands a request on, and cuts the client off. One request a connection.
 */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Context } from './fault.ts'

/**
 * When the client is cut off: once the answer is there, of which it gets nothing, so that what was done is
 * known; or once the request has left, so that it may have been done or not.
 */
export type Cut = 'at the answer' | 'after the request'

export interface CuttingProxy {
  url: string
  /** How the next connections are cut. */
  cut: Cut
  /** The answers that were kept from clients, oldest first. */
  swallowed: string[]
}

export async function startCuttingProxy(context: Context, target: string): Promise<CuttingProxy> {
  const { port: targetPort } = new URL(target)
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(targetPort), '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {}) // being cut off is the purpose
      socket.once('close', () => sockets.delete(socket))
    }
    handOn(client, upstream, proxy)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.onEnd(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as AddressInfo // bound to a TCP port, so it is no path
  const proxy: CuttingProxy = { url: `http://127.0.0.1:${port}`, cut: 'at the answer', swallowed: [] }
  return proxy
}

function handOn(client: Socket, upstream: Socket, proxy: CuttingProxy): void {
  const { cut } = proxy
  let request = ''
  let answer = ''
  client.on('data', (chunk: Buffer) => {
    request += chunk.toString('latin1')
    upstream.write(chunk, () => {
      if (cut !== 'after the request' || !isComplete(request)) return
      upstream.destroySoon()
      client.destroy()
    })
  })
  upstream.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1')
    if (!isComplete(answer)) return
    if (cut === 'at the answer') proxy.swallowed.push(answer)
    client.destroy()
    upstream.destroy()
  })
}

/** Whether headers and body of an HTTP/1.1 message are there; every message here has a Content-Length. */
function isComplete(message: string): boolean {
  const end = message.indexOf('\r\n\r\n')
  const length = /^content-length: *(\d+)/im.exec(message.slice(0, end))?.[1]
  return end >= 0 && message.length >= end + 4 + Number(length ?? 0)
}
