/**
 * Files as a disk holds them after a power cut: synced writes are there; other writes may be there, in part and in any order.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import type { DiskEvent } from './disk-log.ts'
import type { Random } from './random.ts'

/** A disk writes a sector whole or not at all. Bytes. */
const SECTOR = 512

type Change = Extract<DiskEvent, { kind: 'write' | 'truncate' }>

export class DiskImage {
  readonly #durable = new Map<string, Content>()
  /** Changes since the last sync of each file. */
  readonly #pending = new Map<string, Change[]>()

  /** @param present the files before the first event, whole and synced: each path leads to a copy */
  constructor(present: Record<string, string>) {
    for (const [file, copy] of Object.entries(present)) this.#durable.set(file, new Content(readFileSync(copy)))
  }

  apply(event: DiskEvent): void {
    if (event.kind === 'answer') return
    const pending = this.#pending.get(event.file) ?? []
    this.#pending.set(event.file, pending)
    if (event.kind !== 'sync') return void pending.push(event)
    const durable = this.#durable.get(event.file) ?? new Content(Buffer.alloc(0))
    this.#durable.set(event.file, durable)
    for (const change of pending.splice(0)) durable.apply(change)
  }

  /** Changes of a file that no sync covers yet. */
  pending(file: string): number {
    return this.#pending.get(file)?.length ?? 0
  }

  /**
   * Writes the files as they would be after a power cut.
   * @param random decides which sectors survive that were not synced; without it none survives
   */
  writeOut(random?: Random): void {
    for (const file of new Set([...this.#durable.keys(), ...this.#pending.keys()])) {
      const found = new Content(this.#durable.get(file)?.bytes() ?? Buffer.alloc(0))
      const survived = random ? (this.#pending.get(file) ?? []).flatMap((change) => partsOf(change, random)) : []
      for (const change of survived) found.apply(change)
      writeFileSync(file, found.bytes(), { mode: 0o600 })
    }
  }
}

/** The bytes of one file, with room to grow. */
class Content {
  #room: Buffer
  #size: number

  constructor(bytes: Buffer) {
    this.#room = Buffer.from(bytes)
    this.#size = bytes.length
  }

  apply(change: Change): void {
    if (change.kind === 'truncate') return this.#resize(change.size)
    const end = change.offset + change.data.length
    if (end > this.#size) this.#resize(end)
    change.data.copy(this.#room, change.offset)
  }

  #resize(size: number): void {
    if (size > this.#room.length) this.#room = Buffer.concat([this.#room], size * 2)
    // Bytes that a file regains after a truncation are zeros.
    if (size < this.#size) this.#room.fill(0, size, this.#size)
    this.#size = size
  }

  bytes(): Buffer {
    return this.#room.subarray(0, this.#size)
  }
}

/** The sectors of a change that reached the disk; chance decides for each one. */
function partsOf(change: Change, random: Random): Change[] {
  if (random.next() < 0.25) return []
  if (change.kind === 'truncate') return [change]
  const parts: Change[] = []
  for (let from = 0; from < change.data.length;) {
    const to = Math.min(change.data.length, from + SECTOR - ((change.offset + from) % SECTOR))
    if (random.next() < 0.5)
      parts.push({ ...change, offset: change.offset + from, data: change.data.subarray(from, to) })
    from = to
  }
  return parts
}
