/**
 * ES256 by way of DER. A JWS wants `r` and `s` bare (RFC 7518 §3.4) and Node can give them so, but takes twice as
 * long for it, and half as long again to verify; turning one form into the other here costs next to nothing.
 */
import { sign, verify, type KeyObject } from 'node:crypto'

const HALF = 32

export function signEcdsa(input: string, key: KeyObject): Buffer {
  const der = sign('sha256', Buffer.from(input), key)
  const rLength = der[3] ?? 0
  const r = der.subarray(4, 4 + rLength).subarray(-HALF)
  const s = der.subarray(6 + rLength).subarray(-HALF)
  const raw = Buffer.alloc(2 * HALF)
  r.copy(raw, HALF - r.length)
  s.copy(raw, 2 * HALF - s.length)
  return raw
}

export function isEcdsaSignature(raw: Buffer, input: string, key: KeyObject): boolean {
  if (raw.length !== 2 * HALF) return false
  const r = derInteger(raw.subarray(0, HALF))
  const s = derInteger(raw.subarray(HALF))
  const der = Buffer.concat([Buffer.from([0x30, r.length + s.length]), r, s])
  return verify('sha256', Buffer.from(input), key, der)
}

/** Without leading zeros, and with one where the first bit would say that it is negative. */
function derInteger(half: Buffer): Buffer {
  let zeros = 0
  while (zeros < HALF - 1 && half[zeros] === 0) zeros += 1
  const digits = half.subarray(zeros)
  const isHigh = (digits[0] ?? 0) >= 0x80
  return Buffer.concat([Buffer.from([2, digits.length + Number(isHigh), ...(isHigh ? [0] : [])]), digits])
}
