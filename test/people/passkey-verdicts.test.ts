/**
 * The verdict on a response of a passkey: every bent response is refused, and no verdict follows from anything but the
 * response, the passkey, and the configuration. The doors are tested in passkeys.test.ts.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { describe, expect, test } from 'vitest'
import type { PasskeyRecord, UserRecord } from '../../src/store/records/user.ts'
import {
  creationOptions,
  newChallenge,
  readPasskeyAssertion,
  readChallenge,
  readCreation,
  requestOptions,
  verifyAssertion,
  verifyCreation,
  type Challenge,
} from '../../src/users/passkey.ts'
import { makePasskey, usePasskey, type Bending, type SoftPasskey } from '../support/soft-passkey.ts'

const party = { origin: 'https://id.example.com', id: 'id.example.com', name: 'Acme' }
const HANDLE = Buffer.alloc(16, 7).toString('base64url')
const NOW = 1_800_000_000_000

// Sound: the options read these members and no others.
const user = { handle: HANDLE, username: 'ada', name: 'Ada' } as UserRecord

const termsOf = ({ value }: Challenge, requireUserVerification = true) => ({
  party,
  challenge: value,
  requireUserVerification,
})

async function create(bent: Bending = {}) {
  const challenge = newChallenge('create', NOW)
  const made = makePasskey(creationOptions(party, challenge, user, []), party.origin, bent)
  const creation = readCreation(made.credential)
  if (!creation) throw new Error('the response has no form')
  return { ...made, verdict: await verifyCreation(creation, termsOf(challenge)) }
}

async function registered(bent: Bending = {}): Promise<{ soft: SoftPasskey; record: PasskeyRecord }> {
  const { passkey, verdict } = await create(bent)
  if (verdict.outcome !== 'verified') throw new Error(verdict.reason)
  return { soft: passkey, record: { ...verdict.proof.passkey, userId: 'u', createdAt: NOW, lastUsedAt: null } }
}

async function answer(bent: Bending = {}, requireUserVerification = true) {
  return answerOf(await registered(), bent, requireUserVerification)
}

async function answerOf(
  { soft, record }: Awaited<ReturnType<typeof registered>>,
  bent: Bending = {},
  requireUserVerification = true,
) {
  const challenge = newChallenge('first', NOW)
  const sent = usePasskey(soft, requestOptions(party, challenge, [], true), party.origin, bent)
  const assertion = readPasskeyAssertion(sent)
  if (!assertion) throw new Error('the response has no form')
  return verifyAssertion(assertion, record, HANDLE, termsOf(challenge, requireUserVerification))
}

const refused = { outcome: 'refused' }

describe('a new passkey', () => {
  test('is known by its credential id, and named after its authenticator', async () => {
    const { passkey, verdict } = await create()
    expect(verdict).toMatchObject({
      outcome: 'verified',
      proof: { isUserVerified: true, isHardware: true, passkey: { id: passkey.id, counter: 0, name: 'Security key' } },
    })
  })

  test.each<[string, Bending]>([
    ['another challenge', { challenge: Buffer.alloc(32).toString('base64url') }],
    ['another origin', { origin: 'https://evil.example.com' }],
    ['an origin below the same site', { origin: 'https://other.id.example.com' }],
    ['another rpId', { rpId: 'example.com' }],
    ['the response to another purpose', { type: 'webauthn.get' }],
    ['no user verification', { isUserVerified: false }],
    ['no user presence', { isUserPresent: false }],
    ['a frame of another origin', { crossOrigin: true }],
    ['an algorithm that was not offered (ES384)', { alg: -35 }],
    ['id ≠ rawId', { rawId: 'AAAA' }],
  ])('with %s is refused', async (_name, bent) => {
    expect((await create(bent)).verdict).toMatchObject(refused)
  })
})

describe('a passkey that is used', () => {
  test('proves the user, and tells its counter', async () => {
    expect(await answer()).toEqual({
      outcome: 'verified',
      proof: {
        counter: 1,
        isBackedUp: false,
        backupEligibility: 'never',
        isUserVerified: true,
        isHardware: true,
        isBehind: false,
      },
    })
  })

  test.each<[string, Bending]>([
    ['another challenge', { challenge: Buffer.alloc(32).toString('base64url') }],
    ['another origin', { origin: 'https://evil.example.com' }],
    ['an origin below the same site', { origin: 'https://other.id.example.com' }],
    ['http instead of https', { origin: 'http://id.example.com' }],
    ['another rpId', { rpId: 'example.com' }],
    ['the response to another purpose', { type: 'webauthn.create' }],
    ['no user verification', { isUserVerified: false }],
    ['no user presence', { isUserPresent: false }],
    ['a frame of another origin', { crossOrigin: true }],
    ['id ≠ rawId', { rawId: 'AAAA' }],
    ['a bad signature', { isSignatureWrong: true }],
    ['the user handle of another person', { userHandle: Buffer.alloc(16, 8).toString('base64url') }],
  ])('with %s is refused', async (_name, bent) => {
    expect(await answer(bent)).toMatchObject(refused)
  })

  test.each<[string, Bending, Bending]>([
    ['was bound to its device', {}, { backup: 'eligible' }],
    ['was bound to its device, and says it is copied', {}, { backup: 'done' }],
    ['could be copied', { backup: 'eligible' }, {}],
    ['was copied', { backup: 'done' }, {}],
  ])('is refused where it %s and says otherwise now (WebAuthn §7.2)', async (_name, made, used) => {
    expect(await answerOf(await registered(made), used)).toMatchObject(refused)
  })

  test('may be copied later, and back, where it was eligible', async () => {
    const key = await registered({ backup: 'eligible' })
    expect(await answerOf(key, { backup: 'done' })).toMatchObject({ outcome: 'verified', proof: { isBackedUp: true } })
    expect(await answerOf(key, { backup: 'eligible' })).toMatchObject({ outcome: 'verified' })
  })

  test.each<Bending>([{}, { backup: 'eligible' }])(
    'settles its flag by its next use where an older version did not keep it, %o',
    async (bent) => {
      const { soft, record } = await registered(bent)
      const verdict = await answerOf({ soft, record: { ...record, backupEligibility: 'unknown' } }, bent)
      expect(verdict).toMatchObject({ outcome: 'verified', proof: { backupEligibility: record.backupEligibility } })
    },
  )

  test('is eligible where an older version has kept that it was copied', async () => {
    const { soft, record } = await registered({ backup: 'done' })
    expect(await answerOf({ soft, record: { ...record, backupEligibility: 'unknown' } })).toMatchObject(refused)
  })

  test('may come without user verification where it is a second factor', async () => {
    expect(await answer({ isUserVerified: false }, false)).toMatchObject({ proof: { isUserVerified: false } })
  })

  test('may leave the user handle out', async () => {
    expect(await answer({ userHandle: null })).toMatchObject({ outcome: 'verified' })
  })

  test('signed with the key of another passkey is refused', async () => {
    const [one, other] = [await registered(), await registered()]
    const challenge = newChallenge('first', NOW)
    const options = requestOptions(party, challenge, [], true)
    const sent = usePasskey({ ...other.soft, id: one.soft.id }, options, party.origin)
    const verdict = await verifyAssertion(readPasskeyAssertion(sent)!, one.record, HANDLE, termsOf(challenge))
    expect(verdict).toMatchObject(refused)
  })

  test('whose counter is behind is told, and not refused', async () => {
    const { soft, record } = await registered()
    const challenge = newChallenge('first', NOW)
    const sent = usePasskey(soft, requestOptions(party, challenge, [], true), party.origin, { counter: 4 })
    const verdict = await verifyAssertion(
      readPasskeyAssertion(sent)!,
      { ...record, counter: 5 },
      HANDLE,
      termsOf(challenge),
    )
    expect(verdict).toMatchObject({ outcome: 'verified', proof: { counter: 4, isBehind: true } })
  })
})

describe('a challenge', () => {
  test('is good for its purpose alone, and for ten minutes', () => {
    const { kept, value } = newChallenge('first', NOW)
    expect(readChallenge(kept, 'first', NOW)).toBe(value)
    for (const other of ['second', 'create', 'enrol'] as const) expect(readChallenge(kept, other, NOW)).toBeUndefined()
    expect(readChallenge(kept, 'first', NOW + 600_000)).toBeUndefined()
    expect(readChallenge(null, 'first', NOW)).toBeUndefined()
  })
})

test('a response that has not the form of one is none', () => {
  for (const value of [
    undefined,
    null,
    'x',
    [],
    {},
    { id: 'a', rawId: 'a', type: 'public-key' },
    { id: '<', response: {} },
  ]) {
    expect(readPasskeyAssertion(value)).toBeUndefined()
    expect(readCreation(value)).toBeUndefined()
  }
})
