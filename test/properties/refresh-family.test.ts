/**
 * Whatever happens to a family of refresh tokens, and in whatever order: at every instant at most one of its
 * tokens, the newest, brings anything new; a spent one brings at most that same newest token, for the grace
 * and while it is unused; anything else ends the family for good; and no refusal but that one changes anything.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { SUBJECT_GRANT, isActive, refresh, tokens } from '../support/admin.ts'
import { post, type Answer, type Credentials } from '../support/client.ts'
import { rotateMasterKey } from '../support/master-keys.ts'
import { assertAll } from '../support/property.ts'
import { fresh, refusal, registered, shareWithApi } from '../support/shared.ts'

const issuer = shareWithApi()

/**
 * Seconds. The clock of the test runs with the real one as well, so all of them are multiples of 20: a run
 * may take that long before model and issuer can disagree on what is over.
 */
const GRACE = 100
const IDLE = 1000
const ABSOLUTE = 3000
const ACCESS = 400

/** A command picks an earlier token by counting back from the newest. */
type Command =
  | { act: 'refresh'; back: number; atOnce: number; scope: 'same' | 'lower' | 'wider' }
  | { act: 'steal' | 'revoke'; back: number }
  | { act: 'advance'; seconds: number }
  | { act: 'blacklist' | 'lift' | 'disable' | 'enable' | 'masterKey' }

const back = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.constant(1) },
  fc.nat({ max: 6 }),
)

const refreshing: fc.Arbitrary<Command> = fc.record({
  act: fc.constant('refresh' as const),
  back,
  atOnce: fc.constantFrom(1, 1, 1, 4),
  scope: fc.constantFrom('same' as const, 'same' as const, 'same' as const, 'lower' as const, 'wider' as const),
})
const advancing: fc.Arbitrary<Command> = fc.record({
  act: fc.constant('advance' as const),
  seconds: fc.constantFrom(20, 40, 60, 120, 500, 980),
})
const withToken: fc.Arbitrary<Command> = fc.record({ act: fc.constantFrom('steal' as const, 'revoke' as const), back })
const byOperator = fc.constantFrom<Command[]>(
  { act: 'blacklist' },
  { act: 'lift' },
  { act: 'disable' },
  { act: 'enable' },
  { act: 'enable' },
  { act: 'masterKey' },
)

/** A change takes some time, and each adds a key to the key file. */
const MOST_MASTER_KEYS = 20
let masterKeys = 0

const commands = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: refreshing },
    { weight: 5, arbitrary: advancing },
    { weight: 2, arbitrary: withToken },
    { weight: 3, arbitrary: byOperator },
  ),
  { minLength: 5, maxLength: 20 },
)

const use = (countBack: number, atOnce = 1): Command => ({ act: 'refresh', back: countBack, atOnce, scope: 'same' })

/** Sequences that chance seldom finds, tried first. */
const TELLING: Command[][] = [
  // The grace is counted from the rotation, not from the repetition.
  [use(0), { act: 'advance', seconds: 60 }, use(1), { act: 'advance', seconds: 60 }, use(1), use(0)],
  // The successor was used: the grace of its predecessor is over.
  [use(0), use(0), use(2), use(0)],
  // Races: of the newest, of its predecessor, of one too old.
  [use(0, 4), use(1, 4), use(0, 4), use(2, 4), use(0)],
  // The last use counts for idleness, and no use for the absolute end.
  [
    { act: 'advance', seconds: 980 },
    use(0),
    { act: 'advance', seconds: 980 },
    use(0),
    { act: 'advance', seconds: 980 },
    use(0),
    { act: 'advance', seconds: 60 },
    use(0),
  ],
  // A token that was revoked while the blacklist denied it stays revoked when the entry is lifted.
  [{ act: 'blacklist' }, { act: 'revoke', back: 0 }, { act: 'lift' }],
  [{ act: 'blacklist' }, { act: 'lift' }, use(0)],
  // Another master key changes nothing, wherever it falls.
  [use(0), { act: 'masterKey' }, use(1), use(0), use(1), { act: 'masterKey' }, use(1), use(0), use(3), use(0)],
  // A disabled client spends nothing.
  [{ act: 'disable' }, use(0), { act: 'enable' }, use(0), use(0)],
]

/** The expected state, in the plainest words; time is counted in the seconds that the test advanced. */
class Model {
  now = 0
  rotatedAt = 0
  newest = 0
  ended = false
  /** The access tokens of the family are denied, whatever is lifted later. */
  denied = false
  blacklisted = false
  disabled = false

  get isOver(): boolean {
    return this.ended || this.now >= ABSOLUTE || this.now >= this.rotatedAt + IDLE
  }

  /** The expected answer to a refresh with a token of the family, and its effect. */
  refresh(generation: number, scope: 'same' | 'lower' | 'wider'): string {
    if (this.disabled) return '401 invalid_client'
    if (this.isOver) return '400 invalid_grant'
    const isRepeated = generation === this.newest - 1 && this.now < this.rotatedAt + GRACE
    if (generation !== this.newest && !isRepeated) {
      this.ended = this.denied = true
      return '400 invalid_grant'
    }
    if (scope === 'wider') return '400 invalid_scope'
    if (!isRepeated) {
      this.newest += 1
      this.rotatedAt = this.now
    }
    return '200'
  }

  isGood(generation: number): boolean {
    return generation === this.newest && !this.isOver && !this.disabled && !this.blacklisted
  }

  isAccessGood(issuedAt: number): boolean {
    return this.now < issuedAt + ACCESS && !this.denied && !this.disabled && !this.blacklisted
  }
}

/** A family at the running issuer, beside its model. */
class Run {
  readonly #model = new Model()
  readonly #held: string[]
  readonly #access: { token: string; issuedAt: number }[]
  #entry: string | undefined

  readonly client: Credentials
  readonly thief: Credentials
  readonly person: string

  constructor(who: { client: Credentials; thief: Credentials; person: string }, first: Record<string, string>) {
    this.client = who.client
    this.thief = who.thief
    this.person = who.person
    this.#held = [first.refresh_token ?? '']
    this.#access = [{ token: first.access_token ?? '', issuedAt: 0 }]
  }

  async do(command: Command): Promise<void> {
    const { operator, clock } = issuer()
    switch (command.act) {
      case 'refresh':
        return this.#refresh(command)
      case 'steal':
        expect(refusal(await refresh(issuer(), this.thief, this.#pick(command.back).token))).toBe('400 invalid_grant')
        return
      case 'revoke':
        return this.#revoke(this.#pick(command.back).token)
      case 'advance':
        clock.advance(command.seconds)
        this.#model.now += command.seconds
        return
      case 'blacklist':
        if (this.#entry !== undefined) return
        this.#entry = (await operator.call('POST', '/blacklist', { sub: this.person })).body.id
        this.#model.blacklisted = this.#model.ended = true
        return
      case 'lift':
        if (this.#entry !== undefined) await operator.call('DELETE', `/blacklist/${this.#entry}`)
        this.#entry = undefined
        this.#model.blacklisted = false
        return
      case 'masterKey':
        if (++masterKeys <= MOST_MASTER_KEYS) await rotateMasterKey(issuer())
        return
      case 'disable':
      case 'enable':
        await operator.call('POST', `/admin/api/clients/${this.client.clientId}/${command.act}`)
        this.#model.disabled = command.act === 'disable'
    }
  }

  #pick(countBack: number): { token: string; generation: number } {
    const generation = Math.max(0, this.#held.length - 1 - countBack)
    return { token: this.#held[generation] ?? '', generation }
  }

  async #refresh({ back: countBack, atOnce, scope }: Command & { act: 'refresh' }): Promise<void> {
    const { token, generation } = this.#pick(countBack)
    const form = { same: {}, lower: { scope: 'a' }, wider: { scope: 'a c' } }[scope]
    const send = () => post(issuer(), '/refresh', { refresh_token: token, ...form }, this.client)
    const answers = await Promise.all(Array.from({ length: atOnce }, send))
    // Whichever the issuer took first, the others are repetitions; all orders answer the same.
    const expected = Array.from({ length: atOnce }, () => this.#model.refresh(generation, scope))
    const said = (answer: Answer) => (answer.status === 200 ? '200' : refusal(answer))
    expect(answers.map(said)).toEqual(expected)
    for (const { body } of answers.filter(({ status }) => status === 200)) {
      this.#held[this.#model.newest] ??= body.refresh_token
      expect(body.refresh_token).toBe(this.#held[this.#model.newest])
      this.#access.push({ token: body.access_token, issuedAt: this.#model.now })
    }
  }

  async #revoke(token: string): Promise<void> {
    const answer = await post(issuer(), '/revoke', { token }, this.client)
    if (this.#model.disabled) expect(refusal(answer)).toBe('401 invalid_client')
    else {
      expect(answer.status).toBe(200)
      this.#model.ended = this.#model.denied = true
    }
  }

  /** Introspection says of every token that was ever given out the same as the model. */
  async expectAgreement(observer: Credentials): Promise<void> {
    if (!this.#model.disabled) {
      const good = await Promise.all(this.#held.map((token) => isActive(issuer(), this.client, token)))
      expect(good).toEqual(this.#held.map((_, generation) => this.#model.isGood(generation)))
    }
    const alive = await Promise.all(this.#access.map(({ token }) => isActive(issuer(), observer, token)))
    expect(alive).toEqual(this.#access.map(({ issuedAt }) => this.#model.isAccessGood(issuedAt)))
  }
}

test('a family of refresh tokens follows its model through any sequence of events', async () => {
  const metadata = {
    grant_types: [SUBJECT_GRANT, 'refresh_token'],
    scope: 'a b c',
    refresh_grace: GRACE,
    refresh_token_idle_ttl: IDLE,
    refresh_token_ttl: ABSOLUTE,
    access_token_ttl: ACCESS,
  }
  // Introspects while the client itself is disabled; and tries its luck with stolen tokens.
  const other = await registered(issuer(), metadata)
  const holds = async (sequence: Command[]): Promise<void> => {
    const client = await registered(issuer(), metadata)
    const person = fresh('person')
    const form = { grant_type: SUBJECT_GRANT, subject: person, scope: 'a b offline_access' }
    const run = new Run({ client, thief: other, person }, await tokens(issuer(), client, form))
    for (const command of sequence) await run.do(command)
    await run.expectAgreement(other)
  }
  await assertAll(commands, holds, {
    numRuns: 150,
    interruptAfterTimeLimit: 8000,
    examples: TELLING.map((each) => [each]),
  })
})
