/** Bytes on a connection of their own: requests that no HTTP library would send. */
import { connect } from 'node:net'
import { readAnswer } from './answer.ts'

export interface RawAnswer {
  status: number
  /** Status line and headers. */
  head: string
  body: string
}

const ANSWERED_WITHIN_MS = 10_000

/** Sends bytes as they are. @returns the first response, or all bytes until the connection ended */
export function sendRaw(port: number, ...pieces: (string | Uint8Array)[]): Promise<string> {
  return new Promise((done) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1')
    const end = () => {
      socket.destroy()
      done(Buffer.concat(chunks).toString('latin1'))
    }
    socket.setTimeout(ANSWERED_WITHIN_MS, end)
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      if (readAnswer(Buffer.concat(chunks))) end()
    })
    // The server refuses a large request before it has read it, so the connection may break during the sending.
    socket.on('error', end)
    socket.on('close', end)
    for (const piece of pieces) socket.write(piece)
  })
}

/** @returns nothing if the text is no HTTP */
export function parseRaw(text: string): RawAnswer | undefined {
  const end = text.indexOf('\r\n\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1])
  return end < 0 || Number.isNaN(status) ? undefined : { status, head: text.slice(0, end), body: text.slice(end + 4) }
}

export const rawHeader = ({ head }: RawAnswer, name: string): string | undefined =>
  new RegExp(`^${name}: *(.*)$`, 'im').exec(head)?.[1]
