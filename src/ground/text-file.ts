/**
 * Reads a small file that an operator named: a secret, a variable's value, the declarative file, an image. The file is read
 * whole, or the reason is told in words. A pipe, a device or an endless file cannot block a start.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { codeOf, describeRefusal } from './file-access.ts'

/** A secret, or the value of a variable. */
export const MOST_SECRET_BYTES = 4096

export type TextFile =
  | { text: string }
  /** The predicate of a sentence whose subject is the path: `is no regular file`. */
  | { why: string }

/** @param mostBytes a larger file is refused without being read */
export function readTextFile(path: string, mostBytes: number): TextFile {
  const read = readSmallFile(path, mostBytes)
  return 'why' in read ? read : decode(read.bytes)
}

/** The bytes of a regular file. */
export function readSmallFile(path: string, mostBytes: number): { bytes: Buffer } | { why: string } {
  let descriptor: number
  try {
    // Without O_NONBLOCK, opening a pipe waits until another process writes to it.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch (error) {
    return { why: `cannot be read (${describeRefusal(path, codeOf(error))})` }
  }
  try {
    const stats = fstatSync(descriptor)
    if (stats.isDirectory()) return { why: 'is a folder' }
    if (!stats.isFile()) return { why: 'is no regular file' }
    const bytes = stats.size > mostBytes ? undefined : readBounded(descriptor, mostBytes)
    return bytes ? { bytes } : { why: `is larger than ${inWords(mostBytes)}` }
  } catch (error) {
    return { why: `cannot be read (${codeOf(error)})` }
  } finally {
    closeSync(descriptor)
  }
}

/** Files below /proc have a size of 0 and content, so the size alone does not tell; `undefined` where there is more. */
function readBounded(descriptor: number, mostBytes: number): Buffer | undefined {
  const chunks: Buffer[] = []
  for (let total = 0; total <= mostBytes;) {
    const chunk = Buffer.alloc(65_536)
    const length = readSync(descriptor, chunk)
    if (length === 0) return Buffer.concat(chunks)
    chunks.push(chunk.subarray(0, length))
    total += length
  }
}

function decode(bytes: Buffer): TextFile {
  const [first, second] = bytes
  const isUtf16 = (first === 0xfe && second === 0xff) || (first === 0xff && second === 0xfe)
  if (isUtf16) return { why: 'is UTF-16 text; save it as UTF-8' }
  if (bytes.includes(0)) return { why: 'is no UTF-8 text (it has zero bytes; UTF-16 text and binary files do)' }
  try {
    // The decoder removes a byte order mark.
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { why: 'is no UTF-8 text' }
  }
}

const inWords = (bytes: number): string => (bytes < 1_048_576 ? `${bytes / 1024} KB` : `${bytes / 1_048_576} MB`)
