/**
 * How surely a person was authenticated. `acr` of Signet: `1` one factor, `2` two factors, `phr` a passkey with user
 * verification, which counts as two. `amr` as in RFC 8176.
 */
import type { Proof } from '../store/records/sign-in-step.ts'
import type { Person } from '../store/records/user.ts'

export type Acr = '1' | '2' | 'phr'

/** From the weakest to the strongest. */
const ACR_VALUES: readonly Acr[] = ['1', '2', 'phr']

export const isAcr = (value: string): value is Acr => ACR_VALUES.some((each) => each === value)

/** Whether an `acr` that was reached is as strong as the wanted one, or stronger. */
export const reaches = (reached: Acr, wanted: Acr): boolean => ACR_VALUES.indexOf(reached) >= ACR_VALUES.indexOf(wanted)

export const strongest = (values: readonly Acr[]): Acr | undefined =>
  ACR_VALUES.findLast((each) => values.includes(each))

export const weakest = (values: readonly Acr[]): Acr | undefined => ACR_VALUES.find((each) => values.includes(each))

/** The `acr` that factors reach. */
export function acrOf(amr: readonly string[]): Acr {
  const isVerifiedPasskey = amr.includes('user') && (amr.includes('swk') || amr.includes('hwk'))
  if (isVerifiedPasskey) return 'phr'
  return amr.includes('mfa') ? '2' : '1'
}

/** The factors after one more proof. A second factor makes `mfa` of both. */
export const withProof = (before: readonly string[], proof: Proof): string[] => withMethods(before, methodsOf(proof))

/** The factors after methods (`amr`) that a person who is signed in has just shown by setting a factor up. */
export function withMethods(before: readonly string[], more: readonly string[]): string[] {
  const all = [...new Set([...before, ...more])]
  const isSecond = before.length > 0 && !all.includes('mfa')
  return isSecond ? [...all, 'mfa'] : all
}

function methodsOf(proof: Proof): string[] {
  switch (proof.kind) {
    case 'password':
      return ['pwd']
    case 'new_user':
      return proof.amr
    case 'link':
    case 'totp':
    case 'recovery':
    case 'totp_enrolment':
      return ['otp']
    case 'passkey':
    case 'passkey_enrolment':
      return passkeyMethods(proof)
  }
}

/** The `amr` values of a passkey (RFC 8176 §2): how its key is kept, and whether the device verified the person. */
export const passkeyMethods = ({
  isHardware,
  isUserVerified,
}: {
  isHardware: boolean
  isUserVerified: boolean
}): string[] => [isHardware ? 'hwk' : 'swk', ...(isUserVerified ? ['user'] : [])]

/** The demands of the configuration on factors. */
export interface FactorTerms {
  mfa: 'off' | 'optional' | 'required'
  passwords: boolean
}

/**
 * Whether a person may give up a passkey or the authenticator app: something that begins a sign-in has to be left, and two
 * factors where they are demanded. An app alone begins none.
 */
export function mayLose(lost: 'passkey' | 'totp', person: Person, { mfa, passwords }: FactorTerms): boolean {
  const { user, factors } = person
  const left: Person =
    lost === 'totp'
      ? { ...person, user: { ...user, totpSecret: null } }
      : { ...person, factors: { ...factors, passkeys: factors.passkeys - 1 } }
  if (mfa === 'required' && !reaches(withinReach(left), '2')) return false
  return lost === 'totp' || left.factors.passkeys > 0 || (passwords && user.passwordHash !== null)
}

/** The strongest that the person can reach with the factors that are set up. */
export function withinReach({ user, factors }: Person): Acr {
  if (factors.passkeys > 0) return 'phr'
  return user.totpSecret === null ? '1' : '2'
}
