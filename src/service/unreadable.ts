/** Bytes that are no HTTP request, and headers that are too large or too slow: refused in the same JSON as all else. */
import type { Server } from 'node:http'

const FAULTS: Record<string, { status: string; description: string }> = {
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    description: 'the headers are larger than 16 kB',
  },
  ERR_HTTP_REQUEST_TIMEOUT: { status: '408 Request Timeout', description: 'the request came too slowly' },
}
const NO_HTTP = { status: '400 Bad Request', description: 'this is no HTTP/1.1 request that can be read' }

const bodyOf = (description: string): string =>
  JSON.stringify({ error: 'invalid_request', error_description: description })

/** Answers what Node could not parse, and closes the connection. */
export function answerUnreadable(server: Server): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
    const { status, description } = FAULTS[error.code ?? ''] ?? NO_HTTP
    const body = bodyOf(description)
    const headers = [
      'Content-Type: application/json',
      'Cache-Control: no-store',
      'Connection: close',
      `Content-Length: ${body.length}`,
    ]
    socket.end(`HTTP/1.1 ${status}\r\n${headers.join('\r\n')}\r\n\r\n${body}`)
  })
}
