/** Reads an image that an operator named. The name says the type, and the bytes have to begin like that type. */
import { extname } from 'node:path'
import { readSmallFile } from './text-file.ts'

/** Browsers fetch it with the first page. */
const MOST_PICTURE_BYTES = 102_400

interface Type {
  type: string
  isLike: (bytes: Buffer) => boolean
}

const beginsWith =
  (...begin: number[]) =>
  (bytes: Buffer): boolean =>
    begin.every((byte, at) => bytes[at] === byte)

const JPEG: Type = { type: 'image/jpeg', isLike: beginsWith(0xff, 0xd8, 0xff) }

const TYPES: Record<string, Type> = {
  '.svg': { type: 'image/svg+xml', isLike: (bytes) => bytes.includes('<svg') },
  '.png': { type: 'image/png', isLike: beginsWith(0x89, 0x50, 0x4e, 0x47) },
  '.webp': { type: 'image/webp', isLike: (bytes) => bytes.toString('latin1', 8, 12) === 'WEBP' },
  '.jpg': JPEG,
  '.jpeg': JPEG,
}

export type Picture =
  | { type: string; bytes: Buffer }
  /** The predicate of a sentence whose subject is the path. */
  | { why: string }

export const hasPictureName = (path: string): boolean => TYPES[extname(path).toLowerCase()] !== undefined

export function readPicture(path: string): Picture {
  const extension = extname(path).toLowerCase()
  const named = TYPES[extension]
  if (!named) return { why: 'has no name of an image' }
  const read = readSmallFile(path, MOST_PICTURE_BYTES)
  if ('why' in read) return read
  const { bytes } = read
  if (bytes.length === 0) return { why: 'is empty' }
  return named.isLike(bytes) ? { type: named.type, bytes } : { why: `is no image of the type that ${extension} names` }
}
