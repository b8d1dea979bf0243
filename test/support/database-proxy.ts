/** The network between an issuer and its database, which a test can cut. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A TCP proxy that can stop to forward, while connections stand and are accepted, as a network that is cut does. */
export async function startProxy(to: number): Promise<{ port: number; swallow(on: boolean): void }> {
  let isSwallowing = false
  const sockets = new Set<Socket>()
  const proxy = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (bytes) => void (isSwallowing || into.write(bytes)))
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
  return { port, swallow: (on) => void (isSwallowing = on) }
}
