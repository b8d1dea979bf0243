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
  /** From the first statement with this text on, statements arrive and answers are lost, until `swallow(false)`. */
  loseAnswersOf(text: string): void
}

/** An answer that is to be lost. */
interface Loss {
  words: string
  afterwards: Afterwards
  done: () => void
}

/**
 * A TCP proxy between an issuer and its database. It ends with the test.
 * @param changed changes what is sent to the database, and keeps its length
 */
export async function startProxy(to: number, changed = (bytes: Buffer): Buffer => bytes): Promise<DatabaseProxy> {
  let isSwallowing = false
  let isLosing = false
  let awaited: string | undefined
  let loss: Loss | undefined
  const sockets = new Set<Socket>()
  const proxy = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    const losing = new LosingAnswer()
    const isSent = (bytes: Buffer) => {
      if (loss && losing.begins(bytes, loss)) loss = undefined
      isLosing ||= awaited !== undefined && bytes.includes(awaited)
      return !isSwallowing
    }
    pass(near, far, isSent, changed)
    pass(far, near, (bytes) => !isSwallowing && !isLosing && !losing.takes(bytes, () => near.destroy()))
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
    swallow(on) {
      isSwallowing = on
      isLosing = false
      awaited = undefined
    },
    loseAnswerTo: (words, afterwards) => new Promise((done) => (loss = { words, afterwards, done })),
    loseAnswersOf: (text) => void (awaited = text),
  }
}

function pass(
  from: Socket,
  into: Socket,
  isForwarded: (bytes: Buffer) => boolean,
  changed = (bytes: Buffer): Buffer => bytes,
): void {
  from.on('data', (bytes) => void (isForwarded(bytes) && into.write(changed(bytes))))
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
