/** A connection that carries one request after the other, each timed from the first byte out to the last byte in. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { readAnswer } from '../harness/answer.ts'
import type { Context } from './fault.ts'

const NS_IN_US = 1000

export class Stopwatch {
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
  }

  static async open(context: Context, url: string): Promise<Stopwatch> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    context.onEnd(() => void socket.destroy())
    await once(socket, 'connect')
    socket.setNoDelay(true)
    return new Stopwatch(socket)
  }

  /** @returns status, and microseconds. @throws Error where the connection ends */
  async time(request: Buffer, isLate = false): Promise<{ status: number; tookUs: number }> {
    const began = process.hrtime.bigint()
    this.#socket.write(request)
    const status = await this.#answer()
    if (isLate) waste(LATE_NS)
    return { status, tookUs: Number(process.hrtime.bigint() - began) / NS_IN_US }
  }

  #answer(): Promise<number> {
    let received = Buffer.alloc(0)
    return new Promise((done, failed) => {
      const finish = (work: () => void): void => {
        this.#socket.off('data', take).off('close', broken)
        work()
      }
      const broken = (): void => finish(() => failed(new Error('the connection ended')))
      const take = (chunk: Buffer): void => {
        received = Buffer.concat([received, chunk])
        const answer = readAnswer(received)
        if (answer) finish(() => done(Number(answer.status)))
      }
      this.#socket.on('data', take).on('close', broken)
    })
  }
}

/** The delay that a control adds: much shorter than a read of a database. */
const LATE_NS = 100_000n

/** Waits in a busy loop, because a timer is not so exact. */
function waste(ns: bigint): void {
  const until = process.hrtime.bigint() + ns
  while (process.hrtime.bigint() < until);
}
