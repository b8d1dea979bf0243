/** Reads one HTTP/1.1 response from bytes, as far as a load or a trial needs it (RFC 9112 §6). */

const HEAD_END = Buffer.from('\r\n\r\n')
const CHUNKS_END = Buffer.from('0\r\n\r\n')
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i
const CHUNKED = /\r\ntransfer-encoding: *chunked/i

export interface Answer {
  /** Three digits. */
  status: string
  isGood: boolean
  /** Head and body as they came, one character for each byte. */
  text: () => string
}

/** The response, or `undefined` while bytes of it are missing. */
export function readAnswer(bytes: Buffer): Answer | undefined {
  const headEnd = bytes.indexOf(HEAD_END)
  if (headEnd < 0) return undefined
  const head = bytes.toString('latin1', 0, headEnd)
  if (!isWhole(bytes, headEnd + HEAD_END.length, head)) return undefined
  return { status: head.slice(9, 12), isGood: head.charAt(9) === '2', text: () => bytes.toString('latin1') }
}

function isWhole(bytes: Buffer, bodyStart: number, head: string): boolean {
  const length = CONTENT_LENGTH.exec(head)?.[1]
  if (length !== undefined) return bytes.length >= bodyStart + Number(length)
  if (!CHUNKED.test(head)) return true
  return bytes.length >= bodyStart + CHUNKS_END.length && bytes.subarray(-CHUNKS_END.length).equals(CHUNKS_END)
}
