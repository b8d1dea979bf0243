/** The network between an issuer and its database, which a test can cut, or make lose one answer. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** The last message of an answer outside a transaction (ReadyForQuery, idle): whatever was written is committed. */
const READY = Buffer.from('Z\0\0\0\x05I', 'latin1')

type Afterwards = 'breaks' | 'is silent'

export interface DatabaseProxy {
  port: number
  /** Whether nothing is forwarded any more, while connections stand and are accepted, as in a network that is cut. */
  swallow(on: boolean): void
  /**
   * Loses the answer of the next statement that is sent as text and contains these words. The database runs it to its
   * end. Resolves when it has, and the answer is lost.
   *
   * @param afterwards whether the connection breaks, or stands and stays silent
   */
  loseAnswerTo(words: string, afterwards: Afterwards): Promise<void>
}

/** An answer that is to be lost. */
interface Loss {
  words: string
  afterwards: Afterwards
  done: () => void
}

/** A TCP proxy between an issuer and its database. It ends with the test. */
export async function startProxy(to: number): Promise<DatabaseProxy> {
  let isSwallowing = false
  let loss: Loss | undefined
  const sockets = new Set<Socket>()
  const proxy = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    const losing = new LosingAnswer()
    pass(near, far, (bytes) => {
      if (loss && losing.begins(bytes, loss)) loss = undefined
      return !isSwallowing
    })
    pass(far, near, (bytes) => !isSwallowing && !losing.takes(bytes, () => near.destroy()))
    for (const socket of [near, far]) sockets.add(socket)
  })
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })
  const { port } = proxy.address() as AddressInfo // bound to a TCP port, so it is no path
  return {
    port,
    swallow: (on) => void (isSwallowing = on),
    loseAnswerTo: (words, afterwards) => new Promise((done) => (loss = { words, afterwards, done })),
  }
}

function pass(from: Socket, into: Socket, isForwarded: (bytes: Buffer) => boolean): void {
  from.on('data', (bytes) => void (isForwarded(bytes) && into.write(bytes)))
  from.on('error', () => {})
  from.on('close', () => into.destroy())
}

/** The loss of one answer on one connection. */
class LosingAnswer {
  #sent = ''
  #lost = Buffer.alloc(0)
  #loss: Loss | undefined

  /** @returns whether the statement is among what was sent so far */
  begins(bytes: Buffer, loss: Loss): boolean {
    this.#sent = (this.#sent + bytes.toString('latin1')).slice(-MOST_CHARACTERS)
    if (!this.#sent.includes(loss.words)) return false
    this.#loss = loss
    return true
  }

  /** @returns whether these bytes of the database are lost */
  takes(bytes: Buffer, breakOff: () => void): boolean {
    if (!this.#loss) return false
    this.#lost = Buffer.concat([this.#lost, bytes])
    if (!this.#lost.includes(READY)) return true
    this.#loss.done()
    if (this.#loss.afterwards === 'breaks') breakOff()
    return true
  }
}

/** Longer than a statement of Signet. */
const MOST_CHARACTERS = 100_000
