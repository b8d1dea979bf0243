/** One request as bytes on a connection of its own: what no HTTP library would send. */
import { connect } from 'node:net'

export interface RawAnswer {
  status: number
  /** Status line and headers. */
  head: string
  body: string
}

const ANSWERED_WITHIN_MS = 10_000

/** @param request says `Connection: close`. @returns what came until the end; nothing where that is no HTTP */
export function exchange(port: number, request: Buffer): Promise<RawAnswer | undefined> {
  return new Promise((done) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    socket.setTimeout(ANSWERED_WITHIN_MS, () => socket.destroy())
    socket.on('data', (chunk) => chunks.push(chunk))
    // A large request is refused before it has been read, so that the connection may break while it is sent.
    socket.on('error', () => {})
    socket.on('close', () => done(parse(Buffer.concat(chunks).toString('latin1'))))
  })
}

function parse(text: string): RawAnswer | undefined {
  const end = text.indexOf('\r\n\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1])
  return end < 0 || Number.isNaN(status) ? undefined : { status, head: text.slice(0, end), body: text.slice(end + 4) }
}

export const headerOf = ({ head }: RawAnswer, name: string): string | undefined =>
  new RegExp(`^${name}: *(.*)$`, 'im').exec(head)?.[1]
