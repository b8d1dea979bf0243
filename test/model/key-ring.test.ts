/** Every state of a key ring at several replicas is searched. key-ring.ts is the model, and each control switches one rule off. */
import { expect, test } from 'vitest'
import { keyRing, prepublishFor, type Rules } from './key-ring.ts'
import { TICK } from './known-keys.ts'
import { figures, search } from './search.ts'

/** Without emergencies: only then do caches know every key. */
const WITH_VERIFIER: Partial<Rules> = { acts: ['requested'], jwksMaxAge: TICK, mostActs: 2 }

test('no replica signs with a key that the JWKS of another one lacks, in an emergency neither', async () => {
  const searched = await search(await keyRing())
  expect(searched.broken).toBeUndefined()
  console.log(figures('the key ring at two replicas', searched))
}, 300_000)

test('a verifier with a cache never meets an unknown kid, whichever replicas it asks', async () => {
  const searched = await search(await keyRing(WITH_VERIFIER))
  expect(searched.broken).toBeUndefined()
  console.log(figures('the key ring and a verifier', searched))
}, 300_000)

test('the same holds for three replicas and one act', async () => {
  const searched = await search(await keyRing({ replicas: 3, mostActs: 1 }))
  expect(searched.broken).toBeUndefined()
  console.log(figures('the key ring at three replicas', searched))
}, 300_000)

test('the first keys of a new database sign at once, and the same holds', async () => {
  const searched = await search(await keyRing({ begins: 0 }))
  expect(searched.broken).toBeUndefined()
  console.log(figures('the key ring of a new database', searched))
}, 300_000)

const CONTROLS: [string, Partial<Rules>, string][] = [
  ['a key that signs before every live replica has it', { othersHearWithin: TICK }, 'a live replica lacks'],
  ['a key that signs at once and is none of the first', { begins: 0, trusts: 'every key' }, 'a live replica lacks'],
  ['signatures that reserve nothing', { reserves: false }, 'a live replica lacks'],
  ['a reservation that does not wait for a retirement', { waits: false }, 'a live replica lacks'],
  ['a promotion that nobody judges', { ...WITH_VERIFIER, judges: false }, 'a fresh cache'],
  [
    'a key set that is kept as long as a key is published before',
    { ...WITH_VERIFIER, prepublish: prepublishFor(0) },
    'a fresh cache',
  ],
]

test.each(CONTROLS)(
  'the search finds %s',
  async (_name, changed, invariant) => {
    const { broken } = await search(await keyRing(changed))
    expect(broken?.invariant).toContain(invariant)
  },
  60_000,
)
