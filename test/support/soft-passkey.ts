/** An authenticator in software: it makes passkeys and answers challenges as a browser would, and bends what it is told. */
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'

export interface SoftPasskey {
  id: string
  userHandle: string
  privateKey: KeyObject
  counter: number
}

/** What a response is made from. Each member may be bent. */
export interface Bending {
  origin?: string
  rpId?: string
  type?: string
  challenge?: string
  crossOrigin?: boolean
  isUserVerified?: boolean
  isUserPresent?: boolean
  /** `eligible`: it may be copied to other devices. `done`: it is. */
  backup?: 'eligible' | 'done'
  /** COSE algorithm that the new key says it has. */
  alg?: number
  rawId?: string
  userHandle?: string | null
  counter?: number
  isSignatureWrong?: boolean
}

interface Asked {
  challenge: string
  rpId: string
  origin: string
}

const base64url = (bytes: Buffer): string => bytes.toString('base64url')
const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()

const clientData = (type: string, asked: Asked, bent: Bending): Buffer =>
  Buffer.from(
    JSON.stringify({
      type: bent.type ?? type,
      challenge: bent.challenge ?? asked.challenge,
      origin: bent.origin ?? asked.origin,
      crossOrigin: bent.crossOrigin ?? false,
    }),
  )

function authenticatorData({ rpId }: Asked, bent: Bending, counter: number, attested = Buffer.alloc(0)): Buffer {
  const present = bent.isUserPresent === false ? 0 : 0x01
  const verified = bent.isUserVerified === false ? 0 : 0x04
  const backup = bent.backup === undefined ? 0 : bent.backup === 'eligible' ? 0x08 : 0x18
  const flags = present | verified | backup | (attested.length > 0 ? 0x40 : 0)
  const count = Buffer.alloc(4)
  count.writeUInt32BE(bent.counter ?? counter)
  return Buffer.concat([sha256(Buffer.from(bent.rpId ?? rpId)), Buffer.from([flags]), count, attested])
}

/** The shortest form, as authenticators have to write it (CTAP2 canonical CBOR). */
function cborBytes(bytes: Buffer): Buffer {
  const { length } = bytes
  const head = length < 24 ? [0x40 + length] : length < 256 ? [0x58, length] : [0x59, length >> 8, length & 255]
  return Buffer.concat([Buffer.from(head), bytes])
}
const cborText = (text: string): Buffer => Buffer.concat([Buffer.from([0x60 + text.length]), Buffer.from(text)])
/** From -256 to 23, and a number of two bytes below. */
const cborInt = (value: number): Buffer => {
  if (value >= 0) return Buffer.from([value])
  const size = -1 - value
  if (size < 24) return Buffer.from([0x20 + size])
  return Buffer.from(size < 256 ? [0x38, size] : [0x39, size >> 8, size & 255])
}

/** A COSE key (RFC 9053 §7.1). */
function coseKey(publicKey: KeyObject, alg: number): Buffer {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const entries = [cborInt(1), cborInt(2), cborInt(3), cborInt(alg), cborInt(-1), cborInt(1)]
  const point = [
    cborInt(-2),
    cborBytes(Buffer.from(x, 'base64url')),
    cborInt(-3),
    cborBytes(Buffer.from(y, 'base64url')),
  ]
  return Buffer.concat([Buffer.from([0xa5]), ...entries, ...point])
}

/** Options of `navigator.credentials.create` as the server writes them. */
export interface CreationOptions {
  challenge: string
  rp: { id: string }
  user: { id: string }
}

/** Makes a passkey. @returns it, and the response that the server is sent. */
export function makePasskey(options: CreationOptions, origin: string, bent: Bending = {}) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const rawId = randomBytes(32)
  const id = base64url(rawId)
  const asked = { challenge: options.challenge, rpId: options.rp.id, origin }
  const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, 32]), rawId, coseKey(publicKey, bent.alg ?? -7)])
  const authData = authenticatorData(asked, bent, 0, attested)
  const attestation = [
    cborText('fmt'),
    cborText('none'),
    cborText('attStmt'),
    Buffer.from([0xa0]),
    cborText('authData'),
  ]
  const attestationObject = Buffer.concat([Buffer.from([0xa3]), ...attestation, cborBytes(authData)])
  const passkey: SoftPasskey = { id, userHandle: options.user.id, privateKey, counter: 0 }
  const response = {
    clientDataJSON: base64url(clientData('webauthn.create', asked, bent)),
    attestationObject: base64url(attestationObject),
    transports: ['internal'],
  }
  const credential = { id, rawId: bent.rawId ?? id, type: 'public-key', response, clientExtensionResults: {} }
  return { passkey, credential }
}

/** Options of `navigator.credentials.get` as the server writes them. */
export interface RequestOptions {
  challenge: string
  rpId: string
}

/** Answers a challenge with a passkey. */
export function usePasskey(passkey: SoftPasskey, options: RequestOptions, origin: string, bent: Bending = {}) {
  const asked = { ...options, origin }
  passkey.counter += 1
  const clientDataJSON = clientData('webauthn.get', asked, bent)
  const data = authenticatorData(asked, bent, passkey.counter)
  const signed = Buffer.concat([data, sha256(clientDataJSON)])
  const signature = sign('sha256', bent.isSignatureWrong ? randomBytes(40) : signed, passkey.privateKey)
  const userHandle = bent.userHandle === undefined ? passkey.userHandle : bent.userHandle
  return {
    id: passkey.id,
    rawId: bent.rawId ?? passkey.id,
    type: 'public-key',
    response: {
      clientDataJSON: base64url(clientDataJSON),
      authenticatorData: base64url(data),
      signature: base64url(signature),
      userHandle,
    },
    clientExtensionResults: {},
  }
}
