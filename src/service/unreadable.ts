/**
 * Requests that Node does not hand to the routes: bytes that are no HTTP, headers that are too large or too slow, CONNECT,
 * and an expectation that is not known. They are refused in the same JSON as all else (RFC 6749 §5.2).
 */
import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'

interface Fault {
  status: string
  description: string
}

const FAULTS: Record<string, Fault> = {
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    description: 'the headers are larger than 16 kB',
  },
  ERR_HTTP_REQUEST_TIMEOUT: { status: '408 Request Timeout', description: 'the request came too slowly' },
}
const NO_HTTP: Fault = { status: '400 Bad Request', description: 'this is no HTTP/1.1 request that can be read' }
const NO_PROXY: Fault = { status: '400 Bad Request', description: 'Signet is no proxy: it takes no CONNECT' }
/** RFC 9110 §10.1.1 knows one expectation. */
const NO_EXPECTATION = 'the header Expect may say 100-continue and nothing else'

const bodyOf = (description: string): string =>
  JSON.stringify({ error: 'invalid_request', error_description: description })

/** The response as bytes: no request could be read, so Node makes no response for it. */
function responseOf({ status, description }: Fault): string {
  const body = bodyOf(description)
  const headers = [
    'Content-Type: application/json',
    'Cache-Control: no-store',
    'Connection: close',
    `Content-Length: ${body.length}`,
  ]
  return `HTTP/1.1 ${status}\r\n${headers.join('\r\n')}\r\n\r\n${body}`
}

/** Answers what Node does not hand on, and closes the connection. */
export function answerUnreadable(server: Server): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
    socket.end(responseOf(FAULTS[error.code ?? ''] ?? NO_HTTP))
  })
  server.on('connect', (_incoming, socket: Duplex) => {
    // Node has taken its listeners off this connection.
    socket.on('error', () => socket.destroy())
    socket.once('finish', () => socket.destroy())
    socket.end(responseOf(NO_PROXY))
  })
  server.on('checkExpectation', (_incoming, outgoing) => {
    const body = bodyOf(NO_EXPECTATION)
    outgoing
      .writeHead(417, {
        'Content-Type': 'application/json',
        'Cache-Control': 'no-store',
        Connection: 'close',
        'Content-Length': body.length,
      })
      .end(body)
  })
}
