/**
 * Revocation entries in columns of numbers. An entry takes some 150 bytes, half of what an object in two maps takes,
 * and the garbage collector has nothing to look at. So hundreds of thousands of entries are no burden for an API.
 */

const HASH_BYTES = 32
const FEWEST_ROWS = 64
const NONE = -1

export interface Row {
  id: string
  kind: number
  /** SHA-256. */
  hash: Uint8Array
  /** Seconds. */
  issuedBefore: number
  /** Seconds. */
  expiresAt: number
}

export class EntryTable {
  #size = 0
  readonly #ids: string[] = []
  #kinds = new Uint8Array(0)
  #issuedBefore = new Float64Array(0)
  #expiresAt = new Float64Array(0)
  #hashes = new Uint8Array(0)
  #byHash = new Chains(0)
  #byId = new Chains(0)

  get size(): number {
    return this.#size
  }

  /** The row of an id; -1 where there is none. */
  find(id: string): number {
    let row = this.#byId.first(hashOfId(id))
    while (row !== NONE && this.#ids[row] !== id) row = this.#byId.after(row)
    return row
  }

  /** The first row with a hash, or the next one after `row`; -1 where there is none. */
  findHash(hash: Uint8Array, row = NONE): number {
    let found = row === NONE ? this.#byHash.first(keyOf(hash)) : this.#byHash.after(row)
    while (found !== NONE && !this.#hasHash(found, hash)) found = this.#byHash.after(found)
    return found
  }

  idAt(row: number): string {
    return this.#ids[row] ?? ''
  }

  kindAt(row: number): number {
    return this.#kinds[row] ?? 0
  }

  issuedBeforeAt(row: number): number {
    return this.#issuedBefore[row] ?? 0
  }

  expiresAtAt(row: number): number {
    return this.#expiresAt[row] ?? 0
  }

  /** Whether a row holds exactly this. */
  holds(row: number, { kind, hash, issuedBefore, expiresAt }: Row): boolean {
    return (
      this.kindAt(row) === kind &&
      this.issuedBeforeAt(row) === issuedBefore &&
      this.expiresAtAt(row) === expiresAt &&
      this.#hasHash(row, hash)
    )
  }

  add({ id, kind, hash, issuedBefore, expiresAt }: Row): void {
    if (this.#size === this.#kinds.length) this.#resize(Math.max(FEWEST_ROWS, 2 * this.#size))
    const row = this.#size++
    this.#ids[row] = id
    this.#kinds[row] = kind
    this.#issuedBefore[row] = issuedBefore
    this.#expiresAt[row] = expiresAt
    this.#hashes.set(hash, row * HASH_BYTES)
    this.#link(row)
  }

  /** The last row takes the place of the one that goes. */
  remove(row: number): void {
    const last = --this.#size
    this.#unlink(row)
    if (row !== last) {
      this.#unlink(last)
      this.#copy(last, row)
      this.#link(row)
    }
    this.#ids.length = last
    if (this.#kinds.length > FEWEST_ROWS && last < this.#kinds.length / 4) this.#resize(this.#kinds.length / 2)
  }

  #copy(from: number, to: number): void {
    this.#ids[to] = this.idAt(from)
    this.#kinds[to] = this.kindAt(from)
    this.#issuedBefore[to] = this.issuedBeforeAt(from)
    this.#expiresAt[to] = this.expiresAtAt(from)
    this.#hashes.copyWithin(to * HASH_BYTES, from * HASH_BYTES, (from + 1) * HASH_BYTES)
  }

  #resize(rows: number): void {
    const kept = Math.min(rows, this.#kinds.length)
    const resized = <Column extends Uint8Array | Float64Array>(column: Column, from: Column, width = 1): Column => {
      column.set(from.subarray(0, kept * width))
      return column
    }
    this.#kinds = resized(new Uint8Array(rows), this.#kinds)
    this.#issuedBefore = resized(new Float64Array(rows), this.#issuedBefore)
    this.#expiresAt = resized(new Float64Array(rows), this.#expiresAt)
    this.#hashes = resized(new Uint8Array(rows * HASH_BYTES), this.#hashes, HASH_BYTES)
    this.#byHash = new Chains(rows)
    this.#byId = new Chains(rows)
    for (let row = 0; row < this.#size; row++) this.#link(row)
  }

  #link(row: number): void {
    this.#byHash.add(row, this.#keyAt(row))
    this.#byId.add(row, hashOfId(this.idAt(row)))
  }

  #unlink(row: number): void {
    this.#byHash.remove(row, this.#keyAt(row))
    this.#byId.remove(row, hashOfId(this.idAt(row)))
  }

  #keyAt(row: number): number {
    return keyOf(this.#hashes, row * HASH_BYTES)
  }

  #hasHash(row: number, hash: Uint8Array): boolean {
    for (let at = 0; at < HASH_BYTES; at++) if (this.#hashes[row * HASH_BYTES + at] !== hash[at]) return false
    return true
  }
}

/** Finds rows by a number of 32 bits: the rows of one bucket are linked to each other. */
class Chains {
  /** The first row of each bucket. */
  readonly #first: Int32Array
  /** The next row of the same bucket, for each row. */
  readonly #next: Int32Array

  /** @param rows a power of two, or 0 */
  constructor(rows: number) {
    this.#first = new Int32Array(rows).fill(NONE)
    this.#next = new Int32Array(rows).fill(NONE)
  }

  first(key: number): number {
    return this.#first[this.#bucket(key)] ?? NONE
  }

  after(row: number): number {
    return this.#next[row] ?? NONE
  }

  add(row: number, key: number): void {
    this.#next[row] = this.first(key)
    this.#first[this.#bucket(key)] = row
  }

  remove(row: number, key: number): void {
    if (this.first(key) === row) {
      this.#first[this.#bucket(key)] = this.after(row)
      return
    }
    let before = this.first(key)
    while (before !== NONE && this.after(before) !== row) before = this.after(before)
    if (before !== NONE) this.#next[before] = this.after(row)
  }

  #bucket(key: number): number {
    return key & (this.#first.length - 1)
  }
}

/** The first 32 bits: a hash is as good as chance in each of its parts. */
const keyOf = (bytes: Uint8Array, at = 0): number =>
  (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)

/** FNV-1a, folded once more because ids often differ in their last characters alone. */
function hashOfId(id: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193)
  return hash ^ (hash >>> 15)
}
