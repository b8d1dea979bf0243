/** Ways in which a file is damaged: by a failing disk, by an incomplete copy, by a mistake of an operator. */
import { closeSync, openSync, readSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs'
import type { Random } from './random.ts'

/** Damages an existing file. @returns a description of the damage */
export type Damage = (file: string, random: Random) => string

const PAGE = 4096

export const DAMAGES: Record<string, Damage> = {
  'bits flipped': (file, random) => {
    const flips = 2 ** random.between(0, 7)
    const size = statSync(file).size
    for (let flip = 0; flip < flips; flip++) {
      change(file, random.between(0, size), 1, (bytes) =>
        bytes.writeUInt8(bytes.readUInt8() ^ (1 << random.between(0, 8))),
      )
    }
    return `${flips} of ${size * 8} bits`
  },
  truncated: (file, random) => {
    const { size } = statSync(file)
    const kept = random.between(1, size)
    truncateSync(file, kept)
    return `to ${kept} of ${size} bytes`
  },
  'page zeroed': (file, random) => {
    const page = random.between(0, Math.ceil(statSync(file).size / PAGE))
    change(file, page * PAGE, PAGE, (bytes) => bytes.fill(0))
    return `page ${page}`
  },
  emptied: (file) => {
    truncateSync(file, 0)
    return ''
  },
  removed: (file) => {
    rmSync(file)
    return ''
  },
}

function change(file: string, offset: number, length: number, work: (bytes: Buffer) => void): void {
  const descriptor = openSync(file, 'r+')
  try {
    const bytes = Buffer.alloc(length)
    const read = readSync(descriptor, bytes, 0, length, offset)
    work(bytes)
    writeSync(descriptor, bytes, 0, read, offset)
  } finally {
    closeSync(descriptor)
  }
}
