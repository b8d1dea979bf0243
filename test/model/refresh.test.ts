/** Every state of a refresh token family at several replicas is searched. refresh.ts is the model, and each control switches one rule off. */
import { expect, test } from 'vitest'
import type { GrantRecord } from '../../src/store/records/grant.ts'
import { decideRotation, judgeRotation, type Presented } from '../../src/tokens/refresh-rotation.ts'
import { refreshFamily, type Rules } from './refresh.ts'
import { figures, search } from './search.ts'

test('a family never has two live successors, whichever replicas its tokens are presented to', async () => {
  const searched = await search(refreshFamily())
  expect(searched.broken).toBeUndefined()
  console.log(figures('refresh at several replicas', searched))
}, 300_000)

/** The rule, asked of other facts where its decision is this one. */
const misjudging =
  (wrong: 'reuse' | 'ended', change: (grant: GrantRecord, presented: Presented) => [GrantRecord, Presented]) =>
  (...[grant, now, present]: Parameters<typeof judgeRotation>) => {
    const presented = present()
    const decision = decideRotation(grant, presented.generation, now, presented.graceSeconds)
    const [asked, of] = decision === wrong ? change(grant, presented) : [grant, presented]
    return judgeRotation(asked, now, () => of)
  }

const newest = (grant: GrantRecord, presented: Presented): [GrantRecord, Presented] => [
  { ...grant, endedAt: null },
  { ...presented, generation: grant.generation },
]
const justBefore = (grant: GrantRecord, presented: Presented): [GrantRecord, Presented] => [
  grant,
  { ...presented, generation: grant.generation - 1, graceSeconds: Infinity },
]

const CONTROLS: [string, Partial<Rules>, string][] = [
  ['a reuse that is let through', { judge: misjudging('reuse', newest) }, 'two successors'],
  ['a reuse that is taken for a lost answer', { judge: misjudging('reuse', justBefore) }, 'two successors'],
  ['an ended family that goes on', { judge: misjudging('ended', newest) }, 'after its end'],
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
