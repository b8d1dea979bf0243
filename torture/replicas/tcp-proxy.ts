/** A TCP proxy between the replicas and PostgreSQL: it can stop to forward, as a cut network does, and change its target. */
import { connect, createServer, type Socket } from 'node:net'
import { listen } from '../../harness/listen.ts'
import type { Context } from '../fault.ts'

export interface TcpProxy {
  port: number
  /** While on, bytes are swallowed in both directions; connections stand and are accepted. */
  swallow(on: boolean): void
  /** Pieces of what the target sends that contain this text are lost from now on. */
  drop(text: string): void
  /** How many were lost. */
  dropped(): number
  /** New connections go to this port. The existing ones are closed, as an address that moves does. */
  turnTo(port: number): void
}

export async function startTcpProxy(context: Context, to: number): Promise<TcpProxy> {
  let target = to
  let isSwallowing = false
  let unwanted: string | undefined
  let droppedCount = 0
  const sockets = new Set<Socket>()
  const join = (from: Socket, into: Socket, isAnswer: boolean): void => {
    sockets.add(from)
    from.on('data', (bytes) => {
      const isDropped = isAnswer && unwanted !== undefined && bytes.includes(unwanted)
      if (isDropped) droppedCount++
      if (!isSwallowing && !isDropped) into.write(bytes)
    })
    from.on('error', () => {})
    from.on('close', () => {
      sockets.delete(from)
      into.destroy()
    })
  }
  const closeAll = (): void => sockets.forEach((socket) => socket.destroy())
  const proxy = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    join(near, far, false)
    join(far, near, true)
  })
  const port = await listen(proxy)
  context.onEnd(() => {
    closeAll()
    proxy.close()
  })
  return {
    port,
    swallow: (on) => void (isSwallowing = on),
    drop: (text) => void (unwanted = text),
    dropped: () => droppedCount,
    turnTo(next) {
      target = next
      closeAll()
    },
  }
}
