/**
 * The writes and syncs of a process to its database's files, in order, with the responses in between, read from the log
 * of `strace`. The order matters: a response is covered by the syncs before it, and by no others.
 */
import { execFileSync } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

export type DiskEvent =
  | { kind: 'write'; file: string; offset: number; data: Buffer }
  | { kind: 'truncate'; file: string; size: number }
  | { kind: 'sync'; file: string }
  /** A response with a refresh token was sent. */
  | { kind: 'answer'; refreshToken: string }

/** The arguments of `strace`. It logs whole pages and responses, in hexadecimal. */
export const straceInto = (file: string): string[] => [
  'strace',
  '-f',
  '--seccomp-bpf',
  '-yy',
  '-xx',
  '-s',
  '70000',
  '-e',
  'trace=pwrite64,write,writev,fdatasync,fsync,ftruncate',
  '-o',
  file,
]

/** Whether `strace` exists on this machine and may trace. */
export function canTrace(): boolean {
  try {
    execFileSync('strace', ['-f', '--seccomp-bpf', '-o', '/dev/null', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Reads a log. @param files whose events count, by their full paths */
export async function readDiskLog(log: string, files: string[]): Promise<DiskEvent[]> {
  const events: DiskEvent[] = []
  const reader = new LogReader(new Set(files))
  for await (const line of createInterface({ input: createReadStream(log, 'latin1') })) {
    const event = reader.read(line)
    if (event) events.push(event)
  }
  return events
}

/** `1234 fsync(24<\x2f…>) = 0`; a call that another thread interrupts comes in two lines. */
const CALL = /^(\d+) +(\w+)\(\d+<([^>]*(?:->[^>]*)?)>/
const RESUMED = /^(\d+) +<\.\.\. (?:fsync|fdatasync) resumed>.*= 0/

class LogReader {
  readonly #files: Set<string>
  /** Files with a running sync, by thread. */
  readonly #syncing = new Map<string, string>()

  constructor(files: Set<string>) {
    this.#files = files
  }

  read(line: string): DiskEvent | undefined {
    const resumed = RESUMED.exec(line)?.[1]
    if (resumed !== undefined) return this.#endSync(resumed)
    const [, thread = '', call = '', place = ''] = CALL.exec(line) ?? []
    if (call === 'write' || call === 'writev') return answerIn(line)
    const file = unhex(place).toString()
    if (!this.#files.has(file)) return undefined
    if (call === 'pwrite64') return writeIn(line, file)
    if (call === 'ftruncate') return { kind: 'truncate', file, size: Number(/, (\d+)\)?/.exec(line)?.[1]) }
    // fsync or fdatasync: the writes before it are safe when it returns with success.
    if (line.includes('<unfinished')) this.#syncing.set(thread, file)
    else if (line.endsWith('= 0')) return { kind: 'sync', file }
    return undefined
  }

  #endSync(thread: string): DiskEvent | undefined {
    const file = this.#syncing.get(thread)
    this.#syncing.delete(thread)
    return file === undefined ? undefined : { kind: 'sync', file }
  }
}

/** A write counts from its beginning: after a failed write no response follows. */
function writeIn(line: string, file: string): DiskEvent {
  const [, data = '', offset = ''] = /, "([^"]*)", \d+, (\d+)/.exec(line) ?? []
  return { kind: 'write', file, offset: Number(offset), data: unhex(data) }
}

function answerIn(line: string): DiskEvent | undefined {
  const text = [...line.matchAll(/"([^"]*)"/g)].map(([, hex = '']) => unhex(hex).toString('latin1')).join('')
  const [, refreshToken] = /^HTTP\/1\.1 200 [^]*"refresh_token":"(sgr_[^"]+)"/.exec(text) ?? []
  return refreshToken === undefined ? undefined : { kind: 'answer', refreshToken }
}

const unhex = (text: string): Buffer => Buffer.from(text.replaceAll('\\x', ''), 'hex')
