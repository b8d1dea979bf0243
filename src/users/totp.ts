/**
 * Authenticator apps (TOTP, RFC 6238) and the recovery codes that belong to them. A person's secret and the key of the
 * person's recovery codes are sealed together under the current master key, so that both move to another master key
 * together. The libraries are loaded at the first use.
 */
import { randomBytes } from 'node:crypto'
import type { Instant } from '../ground/clock.ts'
import type { MasterKeys } from '../keys/master-keys.ts'
import { Unavailable } from '../ground/errors.ts'
import { schemaOf } from '../ground/schema.ts'
import { isUnusedStep } from '../store/records/factor.ts'
import { sealedUnder } from '../store/records/key.ts'

/** Seconds for which a code is shown. Apps know no other number. */
const PERIOD = 30
const DIGITS = 6
/** Steps before and after the present one whose codes are accepted: clocks differ (RFC 6238 §5.2). */
const WINDOW = 1
/** Steps before and after whose codes are recognised, though not accepted: a quarter of an hour. */
const RECOGNISED = 30

const sealedSchema = schemaOf((z) => z.object({ totp: z.string(), recovery: z.string() }))

/** The keys of an authenticator app and of its recovery codes. */
export interface TotpKeys {
  /** The shared secret of the app, base32. */
  totp: string
  /** The key of the digests of recovery codes: 32 bytes, base64url. */
  recovery: string
}

/** Fresh keys for a person who enrols: 160 bits for the app (RFC 4226 §4). */
export async function newTotpKeys(): Promise<TotpKeys> {
  const { Secret } = await import('otpauth')
  return { totp: new Secret({ size: 20 }).base32, recovery: randomBytes(32).toString('base64url') }
}

/** @returns the keys, and what they are to be sealed as now where another master key is current. */
export async function openTotpKeys(
  sealed: string,
  masterKeys: MasterKeys,
): Promise<{ keys: TotpKeys; renewed: string | undefined }> {
  const opened = await masterKeys.unseal(sealed)
  const under = sealedUnder(sealed) ?? ''
  if (opened === undefined) throw new Unavailable(`this server does not have master key ${under}`)
  const keys = sealedSchema.zod.parse(opened)
  const successor = masterKeys.successorOf(under)
  return { keys, renewed: successor && (await successor.seal(keys)) }
}

/** The address that an app reads, from a QR code or a link. @param label the name of this service, and of the person */
export async function otpauthAddress({ totp }: TotpKeys, label: { issuer: string; person: string }): Promise<string> {
  const { TOTP } = await import('otpauth')
  const terms = { secret: totp, digits: DIGITS, period: PERIOD }
  return new TOTP({ ...terms, issuer: label.issuer.replaceAll(':', ' '), label: label.person }).toString()
}

/** The modules of a QR code, row by row, without a margin; dark is true. */
export async function qrModules(text: string): Promise<boolean[][]> {
  const { encode } = await import('uqr')
  return encode(text, { ecc: 'M', border: 0 }).data
}

/** A code without the blanks that people type; `undefined` for what cannot be a code. */
export function readCode(typed: string): string | undefined {
  const digits = typed.replace(/[\s-]/g, '').normalize('NFKC')
  return /^\d{6}$/.test(digits) ? digits : undefined
}

/** The time step of a right code; else why it is not accepted, for the log line and the doctor. */
export type TotpVerdict = { timeStep: number } | { reason: string }

/**
 * Judges a code. It is right if its time step is near, and after the one that was used last. A code is accepted once:
 * the user of the step has to store it in the same write (RFC 6238 §5.2).
 */
export async function judgeCode(
  { totp }: TotpKeys,
  code: string,
  usedStep: number,
  now: Instant,
): Promise<TotpVerdict> {
  const { Secret, TOTP } = await import('otpauth')
  const terms = { secret: Secret.fromBase32(totp), digits: DIGITS, period: PERIOD }
  const delta = TOTP.validate({ ...terms, token: code, timestamp: now, window: RECOGNISED })
  if (delta === null) return { reason: 'wrong code' }
  if (Math.abs(delta) > WINDOW)
    return { reason: `the code belongs to ${Math.abs(delta) * PERIOD} seconds ${delta < 0 ? 'ago' : 'ahead'}` }
  const timeStep = TOTP.counter({ period: PERIOD, timestamp: now }) + delta
  return isUnusedStep(timeStep, usedStep) ? { timeStep } : { reason: 'the code was used already' }
}
