/** Every state of denials at several replicas is searched. denials.ts is the model, and each control switches one rule off. */
import { expect, test } from 'vitest'
import { BY_SYSTEM } from '../../src/audit.ts'
import { denyUpToNow } from '../../src/blacklist/entry.ts'
import { compose, deniedTokens, type Rules } from './denials.ts'
import { figures, search } from './search.ts'

test('what is denied stays denied, at every replica that answers and at a follower of any of them', async () => {
  const searched = await search(deniedTokens())
  expect(searched.broken).toBeUndefined()
  console.log(figures('denials at two replicas', searched))
}, 300_000)

const CONTROLS: [string, Partial<Rules>][] = [
  ['entries whose revisions are not in the order of commits', { serialises: false }],
  ['a reservation that does not wait for an entry', { waits: false }],
  ['a reservation by a memory that lags behind', { comparesRevision: false }],
  ['a notification that is lost where nobody polls', { polls: false }],
  ['a silent replica that goes on to answer', { silentRefuses: false }],
  ['a silent replica whose feed tells no age', { silentTellsAge: false }],
  ['a silent replica that makes a follower start over with less', { silentGoesNotBack: false }],
  [
    'a deletion that denies up to now: a silent replica issues on',
    {
      compose: (named, moment) =>
        named.kind === 'client_id'
          ? denyUpToNow(
              'client_id',
              named.value,
              { heardLate: true },
              { cause: 'client_deleted', by: BY_SYSTEM },
              moment,
            )
          : compose(named, moment),
    },
  ],
  [
    'an entry that does not know how long tokens live',
    { compose: (named, moment) => compose(named, { ...moment, latestExpiry: moment.now }) },
  ],
  [
    'an entry that ends with the act',
    { compose: (named, moment) => ({ ...compose(named, moment), deniesUntil: moment.now, expiresAt: moment.now }) },
  ],
  [
    'an entry that denies up to now what it refuses from now on',
    { compose: (named, moment) => ({ ...compose(named, moment), issuedBefore: moment.now }) },
  ],
]

test.each(CONTROLS)(
  'the search finds %s',
  async (_name, change) => {
    const { broken } = await search(deniedTokens(change))
    expect(broken?.invariant).toBe('what is denied stays denied')
  },
  60_000,
)
