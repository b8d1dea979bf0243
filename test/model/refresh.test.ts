/** Every state of a refresh token family at several replicas is searched. refresh.ts is the model, and each control switches one rule off. */
import { expect, test } from 'vitest'
import { decideRotation } from '../../src/tokens/refresh-rotation.ts'
import { refreshFamily, type Rules } from './refresh.ts'
import { figures, search } from './search.ts'

test('a family never has two live successors, whichever replicas its tokens are presented to', async () => {
  const searched = await search(refreshFamily())
  expect(searched.broken).toBeUndefined()
  console.log(figures('refresh at several replicas', searched))
}, 300_000)

/** A decision that differs from the rule for one verdict. */
const decidingInstead =
  (verdict: 'reuse' | 'ended', instead: 'rotate' | 'repeat'): Rules['decide'] =>
  (...given) => {
    const decision = decideRotation(...given)
    return decision === verdict ? instead : decision
  }

const CONTROLS: [string, Partial<Rules>, string][] = [
  ['a reuse that is let through', { decide: decidingInstead('reuse', 'rotate') }, 'two successors'],
  ['a reuse that is taken for a lost answer', { decide: decidingInstead('reuse', 'repeat') }, 'two successors'],
  ['an ended family that goes on', { decide: decidingInstead('ended', 'rotate') }, 'after its end'],
  ['a write that does not ask for the generation', { comparesGeneration: false }, 'after its successor was used'],
  ['a write that does not ask for the revision', { comparesRevision: false }, 'after its end'],
  ['a write that sets the end as it was read', { raisesTheEnd: false }, 'outlives'],
  ['a write that does not wait for an ending', { waits: false }, 'outlives'],
]

test.each(CONTROLS)(
  'the search finds %s',
  async (_name, change, invariant) => {
    const { broken } = await search(refreshFamily(change))
    expect(broken?.invariant).toContain(invariant)
    expect(broken?.trace.length).toBeGreaterThan(1)
  },
  60_000,
)
