/** The network between an issuer and its database, which a test can cut. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface DatabaseProxy {
  port: number
  swallow(on: boolean): void
  /** From the first statement with this text on, statements arrive and answers are lost, until `swallow(false)`. */
  loseAnswersOf(text: string): void
}

/** A TCP proxy that can stop to forward, while connections stand and are accepted, as a network that is cut does. */
export async function startProxy(to: number): Promise<DatabaseProxy> {
  let isSwallowing = false
  let isLosing = false
  let awaited: string | undefined
  const sockets = new Set<Socket>()
  const proxy = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    near.on('data', (bytes) => {
      isLosing ||= awaited !== undefined && bytes.includes(awaited)
      if (!isSwallowing) far.write(bytes)
    })
    far.on('data', (bytes) => void (isSwallowing || isLosing || near.write(bytes)))
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {})
      from.on('close', () => into.destroy())
    }
  })
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })
  const { port } = proxy.address() as AddressInfo // bound to a TCP port, so it is no path
  return {
    port,
    swallow(on) {
      isSwallowing = on
      isLosing = false
      awaited = undefined
    },
    loseAnswersOf: (text) => void (awaited = text),
  }
}
