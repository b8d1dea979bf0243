/** Sequences of acts for the property of denials: random ones, and those that chance seldom finds. */
import * as fc from 'fast-check'
import { CLIENTS, DENIALS, PERSONS, type Act, type Step } from './denial-run.ts'

const client = fc.nat({ max: CLIENTS.length - 1 })
const person = fc.nat({ max: PERSONS.length - 1 })
const pick = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat({ max: 5 }))

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      act: fc.constant('mint' as const),
      client,
      person: fc.option(person),
      offline: fc.boolean(),
    }),
  },
  { weight: 5, arbitrary: fc.record({ act: fc.constant('refresh' as const), pick }) },
  { weight: 8, arbitrary: fc.record({ act: fc.constant('deny' as const), by: fc.constantFrom(...DENIALS), pick }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('lift' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('enable client' as const), client }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('enable user' as const), person }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant('register' as const), client }) },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant('set ttl' as const),
      client,
      seconds: fc.constantFrom(60, 900, 3600),
    }),
  },
)

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        step: fc.constant('together' as const),
        acts: fc.array(act, { minLength: 1, maxLength: 4 }),
        lock: fc.boolean(),
        pass: fc.constantFrom(0, 1, 2),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ step: fc.constant('advance' as const), seconds: fc.constantFrom(1, 30, 70, 600) }),
    },
    { weight: 1, arbitrary: fc.record({ step: fc.constant('restart' as const) }) },
  ),
  { minLength: 3, maxLength: 9 },
)

const mint = (of: number, more: { person?: number; offline?: boolean } = {}): Act => ({
  act: 'mint',
  client: of,
  person: more.person ?? null,
  offline: more.offline ?? false,
})
const deny = (by: (typeof DENIALS)[number], of = 0): Act => ({ act: 'deny', by, pick: of })
const ttl = (seconds: number): Act => ({ act: 'set ttl', client: 0, seconds })
const together = (...acts: Act[]): Step => ({ step: 'together', acts, lock: false, pass: 0 })
const locked = (...acts: Act[]): Step => ({ step: 'together', acts, lock: true, pass: 2 })

/** Sequences that chance seldom finds, tried first. */
export const TELLING: Step[][] = [
  // A refresh that is written while its grant is being denied gives a token that lives longer than those before.
  ...(['sid', 'refresh token', 'end grant', 'revoke refresh token'] as const).map((by): Step[] => [
    together(ttl(60)),
    together(mint(0, { person: 0, offline: true })),
    together(ttl(3600)),
    locked({ act: 'refresh', pick: 0 }, deny(by)),
  ]),
  // Tokens are asked for while the client is being deleted, disabled or denied, and live longer than any before.
  ...(['delete client', 'disable client', 'client_id', 'sub', 'disable user'] as const).map((by): Step[] => [
    together(mint(0)),
    together(ttl(3600)),
    locked(deny(by), mint(0), mint(0, { person: 0 }), mint(0, { person: 0, offline: true })),
  ]),
  // Another client under the id of one that was just deleted.
  [
    together(mint(0), mint(0, { offline: true })),
    together(deny('delete client')),
    together({ act: 'register', client: 0 }),
    together(mint(0)),
  ],
  [
    together(deny('delete client')),
    together({ act: 'register', client: 0 }),
    together(mint(0, { person: 0, offline: true })),
  ],
  [locked(deny('delete client'), { act: 'register', client: 0 }, mint(0, { offline: true })), together(mint(0))],
  // Two denials of one person: the first one is lifted, the second one stays.
  [
    together(mint(0, { person: 0 })),
    together(deny('sub')),
    together(deny('disable user')),
    together({ act: 'lift', pick: 0 }),
  ],
  [
    together(mint(0)),
    together(deny('revoke')),
    { step: 'restart' },
    together(deny('client_id')),
    together({ act: 'lift', pick: 0 }),
  ],
]
