/**
 * Closes connections whose callers do not read their responses. Node's own timeout does not close them: it starts again
 * with every byte that such a caller sends, and has to pass twice.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

const LOOK_MS = 2_500
/** No byte has left for 10 to 12.5 seconds. */
const LOOKS_WITHOUT_PROGRESS = 4

interface Progress {
  /** Bytes of whole writes that have left, and bytes of the current write that have not. */
  left: number
  queued: number
  looks: number
}

/** @param answered connections with a response that is not finished */
export function closeSlowReaders(server: Server, answered: () => Iterable<Socket>): void {
  const progress = new WeakMap<Socket, Progress>()
  const timer = setInterval(() => {
    for (const socket of answered()) if (isStuck(socket, progress)) socket.destroy()
  }, LOOK_MS).unref()
  server.once('close', () => clearInterval(timer))
}

/** Checks a connection again: true where bytes wait and none has left since several checks. */
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

/** Bytes that the kernel has not yet taken: one write may be megabytes. Node's own timeout reads the same number. */
function queuedBytes(socket: Socket): number {
  // Not in Node's types. If Node removes it, only whole writes are checked.
  const { _handle } = socket as Socket & { _handle?: { writeQueueSize?: number } | null }
  return _handle?.writeQueueSize ?? 0
}
