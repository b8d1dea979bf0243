/**
 * Closes connections whose answers are not fetched. Node's own timeout does not: it begins anew with every byte that
 * such a caller sends, and runs twice before it ends.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

const LOOK_MS = 2_500
/** Without a byte having left: 10 to 12.5 seconds. */
const LOOKS_WITHOUT_PROGRESS = 4

interface Progress {
  /** Bytes of whole writes that have left, and bytes of the present one that have not. */
  left: number
  queued: number
  looks: number
}

/** @param answered the connections that an answer is for */
export function closeSlowReaders(server: Server, answered: () => Iterable<Socket>): void {
  const progress = new WeakMap<Socket, Progress>()
  const timer = setInterval(() => {
    for (const socket of answered()) if (isStuck(socket, progress)) socket.destroy()
  }, LOOK_MS).unref()
  server.once('close', () => clearInterval(timer))
}

/** Looks again at a connection: true where nothing has left since so many looks, though something waits to. */
function isStuck(socket: Socket, progress: WeakMap<Socket, Progress>): boolean {
  if (socket.writableLength === 0) {
    progress.delete(socket)
    return false
  }
  const left = socket.bytesWritten - socket.writableLength
  const queued = queuedBytes(socket)
  const before = progress.get(socket)
  const hasMoved = before?.left !== left || before.queued !== queued
  const looks = hasMoved ? 0 : before.looks + 1
  progress.set(socket, { left, queued, looks })
  return looks >= LOOKS_WITHOUT_PROGRESS
}

/** What Node's own timeout looks at: how much the kernel has not yet taken, since one write may be megabytes. */
function queuedBytes(socket: Socket): number {
  // Not in Node's types. Where it should go away one day, whole writes are looked at alone.
  const { _handle } = socket as Socket & { _handle?: { writeQueueSize?: number } | null }
  return _handle?.writeQueueSize ?? 0
}
