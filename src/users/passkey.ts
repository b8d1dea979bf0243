/**
 * Passkeys (WebAuthn Level 3): the options that a browser is given, and the verdict on its response. Origin and RP id come
 * from the configuration, never from a request. A challenge is good for one purpose and one response. The verdict follows
 * from the result of the verification. The library is loaded at the first use.
 */
import { randomBytes } from 'node:crypto'
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import type { Instant } from '../ground/clock.ts'
import { schemaOf, type ValueOf } from '../ground/schema.ts'
import { hashOf } from '../ground/secret-value.ts'
import { newOneTime, type OneTimeFacts, type OneTimeRecord } from '../store/records/one-time.ts'
import type { BackupEligibility, PasskeyRecord, UserRecord } from '../store/records/user.ts'
import { authenticatorName } from './authenticators.ts'

/** EdDSA, ES256 and RS256 (IANA COSE Algorithms). */
const ALGORITHMS = [-8, -7, -257]

/** A browser asks again before this: see passkey.js. Milliseconds. */
const CHALLENGE_MS = 600_000
const CREATION_TIMEOUT_MS = 300_000

/** The party that passkeys belong to. */
export interface RelyingParty {
  /** The issuer's origin. */
  origin: string
  /** `SIGNET_RP_ID`, or the host of the issuer. */
  id: string
  /** Shown by authenticators. */
  name: string
}

/** @param issuer the issuer URL */
export const relyingParty = (
  issuer: string,
  config: { rpId?: string | undefined; brandName?: string | undefined },
): RelyingParty => ({
  origin: new URL(issuer).origin,
  id: config.rpId ?? new URL(issuer).hostname,
  name: config.brandName ?? 'Signet',
})

/** `create` and `enrol`: a new passkey, on the account page and while signing in. `first`, `second`: the factor. */
export type ChallengePurpose = 'create' | 'enrol' | 'first' | 'second'

export interface Challenge {
  /** As the browser is given it: 32 random bytes, base64url. */
  value: string
  /** As it is kept: with its purpose and its end. */
  kept: string
  expiresAt: Instant
}

/** A new passkey, as the audit trail names it. */
export const passkeyDetails = ({ id, name }: Pick<PasskeyRecord, 'id' | 'name'>) => ({ passkey: id.slice(0, 64), name })

/** A challenge of 256 random bits (WebAuthn §13.4.3), good for one purpose and until `expiresAt`. */
export function newChallenge(purpose: ChallengePurpose, now: Instant): Challenge {
  const value = randomBytes(32).toString('base64url')
  const expiresAt = now + CHALLENGE_MS
  return { value, kept: `${purpose}.${expiresAt}.${value}`, expiresAt }
}

/** The challenge of a new passkey, as it waits for its response. @param owner the session or the browser that was given it */
export const pendingCreation = (
  { value, expiresAt }: Challenge,
  owner: string,
  facts: OneTimeFacts['passkey_creation'],
  now: Instant,
): OneTimeRecord<'passkey_creation'> =>
  newOneTime({ kind: 'passkey_creation', hash: hashOf(value), expiresAt, owner, facts }, now)

/** The challenge that was kept for this purpose; `undefined` where it is over or was made for another one. */
export function readChallenge(kept: string | null, purpose: ChallengePurpose, now: Instant): string | undefined {
  const [madeFor, expiresAt, value] = (kept ?? '').split('.')
  return madeFor === purpose && now < Number(expiresAt) ? value : undefined
}

const base64url = schemaOf((z) => z.string().regex(/^[\w-]{1,8192}$/))
const credential = schemaOf((z) => {
  const id = base64url.zod.max(1400)
  return z.object({ id, rawId: id, type: z.literal('public-key') })
})

/** The response to a request for a passkey, as `PublicKeyCredential.toJSON` writes it. Unknown members are left out. */
const assertionSchema = schemaOf((z) =>
  credential.zod.extend({
    response: z.object({
      clientDataJSON: base64url.zod,
      authenticatorData: base64url.zod,
      signature: base64url.zod,
      userHandle: z.union([base64url.zod, z.literal(''), z.null()]).optional(),
    }),
  }),
)

const creationSchema = schemaOf((z) =>
  credential.zod.extend({
    response: z.object({
      clientDataJSON: base64url.zod,
      attestationObject: z.string().regex(/^[\w-]{1,40000}$/),
      transports: z.array(z.string().max(32)).max(8).optional(),
    }),
  }),
)

export type Assertion = ValueOf<typeof assertionSchema>
export type Creation = ValueOf<typeof creationSchema>

/** `undefined` where the value is none. */
export const readPasskeyAssertion = (value: unknown): Assertion | undefined => assertionSchema.zod.safeParse(value).data
export const readCreation = (value: unknown): Creation | undefined => creationSchema.zod.safeParse(value).data

const clientDataSchema = schemaOf((z) => z.object({ challenge: z.string(), crossOrigin: z.boolean().optional() }))

/** The browser's report of its call. It proves nothing before the verification. */
function clientDataOf({ response }: Assertion | Creation): ValueOf<typeof clientDataSchema> | undefined {
  try {
    return clientDataSchema.zod.parse(JSON.parse(Buffer.from(response.clientDataJSON, 'base64url').toString('utf8')))
  } catch {
    return undefined
  }
}

/** The challenge that a response says it answers. */
export const claimedChallenge = (response: Assertion | Creation): string => clientDataOf(response)?.challenge ?? ''

/** Options of `navigator.credentials.get`, as JSON. @param allowed empty for any passkey of this relying party */
export function requestOptions(party: RelyingParty, challenge: Challenge, allowed: PasskeyRecord[], isFirst: boolean) {
  return {
    challenge: challenge.value,
    rpId: party.id,
    timeout: CHALLENGE_MS,
    // A passkey alone stands for two factors; after a password its possession is enough.
    userVerification: isFirst ? 'required' : 'preferred',
    allowCredentials: allowed.map(descriptorOf),
  }
}

/** Options of `navigator.credentials.create`, as JSON. */
export function creationOptions(
  party: RelyingParty,
  challenge: Challenge,
  user: Pick<UserRecord, 'handle' | 'username' | 'name'>,
  present: PasskeyRecord[],
) {
  return {
    challenge: challenge.value,
    rp: { id: party.id, name: party.name },
    user: { id: user.handle, name: user.username, displayName: user.name ?? user.username },
    pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
    timeout: CREATION_TIMEOUT_MS,
    attestation: 'none',
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'preferred' },
    excludeCredentials: present.map(descriptorOf),
    hints: ['client-device', 'hybrid', 'security-key'],
    extensions: { credProps: true },
  }
}

const descriptorOf = ({ id, transports }: PasskeyRecord) => ({ type: 'public-key', id, transports })

/** The facts that a good response proves. */
export interface PasskeyUse {
  counter: number
  isBackedUp: boolean
  backupEligibility: BackupEligibility
  isUserVerified: boolean
  /** The key cannot leave its device. */
  isHardware: boolean
  /** The counter is behind the one that was kept: there may be a copy of the key (WebAuthn §6.1.1). No refusal. */
  isBehind: boolean
}

export type Verified<Proof> = { outcome: 'verified'; proof: Proof } | { outcome: 'refused'; reason: string }

/** How a response is judged. */
interface Terms {
  party: RelyingParty
  /** As the browser was given it. */
  challenge: string
  requireUserVerification: boolean
}

/**
 * Judges the response of a passkey.
 * @param handle `user.handle` of the passkey's owner; the response may leave it out where it was asked for by id
 */
export async function verifyAssertion(
  assertion: Assertion,
  passkey: PasskeyRecord,
  handle: string,
  terms: Terms,
): Promise<Verified<PasskeyUse>> {
  const fault = faultOf(assertion, passkey.id) ?? handleFault(assertion, handle)
  if (fault !== undefined) return { outcome: 'refused', reason: fault }
  const { verifyAuthenticationResponse } = await import('@simplewebauthn/server')
  return judged(async () => {
    const { verified, authenticationInfo: info } = await verifyAuthenticationResponse({
      response: { ...assertion, clientExtensionResults: {} } as AuthenticationResponseJSON, // sound: read by its schema; a null handle was looked at above
      ...expected(terms),
      // The library refuses a counter that is behind. Here that is an event: see isBehind.
      credential: { id: passkey.id, publicKey: new Uint8Array(passkey.publicKey), counter: 0 },
    })
    if (!verified) return undefined
    if (hasChanged(eligibilityOf(info), passkey)) throw new Error('the backup-eligible flag is not that of the passkey')
    return useOf(info, passkey)
  })
}

const expected = ({ party, challenge, requireUserVerification }: Terms) => ({
  expectedChallenge: challenge,
  expectedOrigin: party.origin,
  expectedRPID: party.id,
  requireUserVerification,
})

type DeviceType = { credentialDeviceType: string }

const eligibilityOf = ({ credentialDeviceType }: DeviceType): BackupEligibility =>
  credentialDeviceType === 'singleDevice' ? 'never' : 'eligible'

/** WebAuthn §7.2: the flag never changes. A passkey that was backed up once is eligible, although no registration told so. */
function hasChanged(told: BackupEligibility, { backupEligibility: kept, isBackedUp }: PasskeyRecord): boolean {
  const known = kept === 'unknown' && isBackedUp ? 'eligible' : kept
  return known !== 'unknown' && known !== told
}

function useOf(
  info: DeviceType & { newCounter: number; credentialBackedUp: boolean; userVerified: boolean },
  passkey: PasskeyRecord,
): PasskeyUse {
  const { newCounter: counter } = info
  return {
    counter,
    isBackedUp: info.credentialBackedUp,
    backupEligibility: eligibilityOf(info),
    isUserVerified: info.userVerified,
    isHardware: eligibilityOf(info) === 'never',
    // A counter that stays 0 is normal.
    isBehind: (counter > 0 || passkey.counter > 0) && counter <= passkey.counter,
  }
}

/** Faults that the library does not look for. */
function faultOf(response: Assertion | Creation, id: string): string | undefined {
  if (response.id !== id || response.rawId !== id) return 'the credential id is not that of the passkey'
  if (clientDataOf(response)?.crossOrigin === true) return 'the page stood in a frame of another origin'
  return undefined
}

function handleFault({ response: { userHandle } }: Assertion, handle: string): string | undefined {
  const isAbsent = userHandle === undefined || userHandle === null || userHandle === ''
  return isAbsent || userHandle === handle ? undefined : 'the user handle is not that of the owner of the passkey'
}

/** The library throws for what it refuses before the signature, and answers `verified: false` for the signature. */
async function judged<Proof>(verify: () => Promise<Proof | undefined>): Promise<Verified<Proof>> {
  try {
    const proof = await verify()
    return proof ? { outcome: 'verified', proof } : { outcome: 'refused', reason: 'the signature is wrong' }
  } catch (error) {
    return { outcome: 'refused', reason: error instanceof Error ? error.message : String(error) }
  }
}

/** A passkey that was just made, without its owner and its dates. */
export type NewPasskey = Omit<PasskeyRecord, 'userId' | 'createdAt' | 'lastUsedAt'>

export interface MadePasskey {
  passkey: NewPasskey
  isUserVerified: boolean
  isHardware: boolean
}

/** Judges the response that brings a new passkey. */
export async function verifyCreation(creation: Creation, terms: Terms): Promise<Verified<MadePasskey>> {
  const fault = faultOf(creation, creation.id)
  if (fault !== undefined) return { outcome: 'refused', reason: fault }
  const { verifyRegistrationResponse } = await import('@simplewebauthn/server')
  return judged(async () => {
    const { verified, registrationInfo: info } = await verifyRegistrationResponse({
      response: { ...creation, clientExtensionResults: {} } as RegistrationResponseJSON, // sound: read by its schema
      ...expected(terms),
      supportedAlgorithmIDs: ALGORITHMS,
    })
    if (!verified || info.credential.id !== creation.id) return undefined
    const backupEligibility = eligibilityOf(info)
    const isHardware = backupEligibility === 'never'
    const { id, publicKey, counter } = info.credential
    const passkey = {
      id,
      publicKey: Buffer.from(publicKey),
      counter,
      transports: knownTransports(creation.response.transports),
      aaguid: info.aaguid,
      name: authenticatorName(info.aaguid, !isHardware),
      isBackedUp: info.credentialBackedUp,
      backupEligibility,
    }
    return { passkey, isUserVerified: info.userVerified, isHardware }
  })
}

/** WebAuthn §5.8.4. Names of other transports are of no use to a browser. */
const TRANSPORTS = ['ble', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb']
const knownTransports = (told: string[] = []): string[] => TRANSPORTS.filter((each) => told.includes(each))
