/** Reads server-sent events (WHATWG HTML §9.2.6) from a response as they arrive. */

export interface ServerEvent {
  event: string
  data: string
  id: string | undefined
}

type Fields = Partial<Record<'event' | 'data' | 'id', string>>

const MOST_CHARACTERS = 67_108_864

/**
 * Yields each event. After other bytes, such as a comment, it yields `undefined` if no event is incomplete: the
 * connection is alive, and everything that was sent has arrived.
 * @throws Error if one event is too long
 */
export async function* serverEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent | undefined> {
  let fields: Fields = {}
  let held = 0
  for await (const { lines, isComplete } of lineBatches(body)) {
    for (const line of lines) {
      if (line === '') {
        if (fields.data !== undefined) yield { event: fields.event ?? 'message', data: fields.data, id: fields.id }
        fields = {}
        held = 0
        continue
      }
      held += line.length
      if (held > MOST_CHARACTERS) throw new Error(`an event of more than ${MOST_CHARACTERS} characters`)
      takeField(fields, line)
    }
    if (isComplete && held === 0) yield undefined
  }
}

function takeField(fields: Fields, line: string): void {
  const colon = line.indexOf(':')
  if (colon === 0) return
  const name = colon < 0 ? line : line.slice(0, colon)
  if (name !== 'event' && name !== 'data' && name !== 'id') return
  const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
  fields[name] = name === 'data' && fields.data !== undefined ? `${fields.data}\n${value}` : value
}

/** The complete lines of each chunk. A chunk may end in the middle of a line. */
async function* lineBatches(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<{ lines: string[]; isComplete: boolean }> {
  const decoder = new TextDecoder()
  const reader = body.getReader()
  let pieces: string[] = []
  let waiting = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const text = decoder.decode(value, { stream: true })
      waiting += text.length
      if (waiting > MOST_CHARACTERS) throw new Error(`a line of more than ${MOST_CHARACTERS} characters`)
      pieces.push(text)
      if (!text.includes('\n')) {
        // Chunks are joined only when a line is complete, because a large event comes in many chunks.
        continue
      }
      const lines = pieces.join('').split('\n')
      const rest = lines.pop() ?? ''
      pieces = [rest]
      waiting = rest.length
      yield { lines: lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line)), isComplete: rest === '' }
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
