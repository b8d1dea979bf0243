/** A sequence of acts at a running issuer, beside the model of what was denied. */
import { exportJWK, generateKeyPair, type CryptoKey } from 'jose'
import { expect } from 'vitest'
import type { TokenVerifier } from '../../verifiers/node/src/index.ts'
import { accepts, newcomerAccepts } from '../support/acceptance.ts'
import { isActive, SUBJECT_GRANT, type Operator } from '../support/admin.ts'
import { basic, bearer, request, type Answer, type Credentials } from '../support/client.ts'
import type { TestIssuer } from '../support/issuer.ts'
import { API, assertionOf, fresh } from '../support/shared.ts'
import type { WriteLock } from '../support/write-lock.ts'
import { DenialModel, type Denial, type Issued, type Registration } from './denial-model.ts'

/** How a client authenticates, and for whom its tokens are. */
export const CLIENTS = ['shop', 'signer', 'boss'] as const
export const PERSONS = ['ada', 'bob'] as const

export const DENIALS = [
  'jti',
  'token',
  'revoke',
  'sid',
  'refresh token',
  'revoke refresh token',
  'end grant',
  'reuse',
  'sub',
  'sub for a while',
  'client_id',
  'disable client',
  'disable user',
  'delete client',
  'revoke key',
] as const

/** `pick` chooses among what is there, counted back from the newest. */
export type Act =
  | { act: 'mint'; client: number; person: number | null; offline: boolean }
  | { act: 'refresh'; pick: number }
  | { act: 'deny'; by: (typeof DENIALS)[number]; pick: number }
  | { act: 'lift'; pick: number }
  | { act: 'enable client' | 'register'; client: number }
  | { act: 'enable user'; person: number }
  | { act: 'set ttl'; client: number; seconds: number }

export type Step =
  /** All at once; with `lock` another process holds the write lock meanwhile, and so many seconds pass between two. */
  | { step: 'together'; acts: Act[]; lock: boolean; pass: number }
  | { step: 'advance'; seconds: number }
  | { step: 'restart' }

export interface World {
  /** For clients and verifiers. */
  issuer: Pick<TestIssuer, 'url' | 'issuer' | 'clock'>
  /** Every address at which a token might be accepted. */
  addresses(): string[]
  operator: Operator
  /** Has followed the blacklist from the start. */
  follower: TokenVerifier
  /** Sees at introspection whatever is for the API. */
  observer: Credentials
  /** Ends a server that others cannot tell from the next, and starts that. */
  restart(): Promise<void>
  /** Keeps every write waiting. */
  lock(): Promise<WriteLock>
  /** Lets time go by, where the clock can be moved. */
  pass(seconds: number): void
  /** How long after its answer an act holds everywhere. Milliseconds; 0 for a single process. */
  heardWithinMs: number
}

type Known = Registration & { name: (typeof CLIENTS)[number]; secret: string; key: CryptoKey | undefined }

interface Family {
  sid: string
  registration: Known
  /** Its refresh tokens, newest last. */
  held: string[]
  refreshing: number
}

export class DenialRun {
  readonly #world: World
  readonly #model = new DenialModel()
  readonly #ids = CLIENTS.map((name) => fresh(name))
  readonly #persons = PERSONS.map((name) => fresh(name))
  readonly #registrations: Known[] = []
  readonly #families: Family[] = []
  /** When each denial was first seen to hold. Milliseconds of `performance.now()`. */
  readonly #heldSince = new Map<Denial, number>()

  private constructor(world: World) {
    this.#world = world
  }

  static async start(world: World): Promise<DenialRun> {
    const run = new DenialRun(world)
    for (const client of CLIENTS.keys()) await run.#register(client)
    return run
  }

  async do(step: Step): Promise<void> {
    if (step.step === 'advance') this.#world.pass(step.seconds)
    else if (step.step === 'restart') await this.#world.restart()
    else await this.#together(step)
    await this.expectDenied()
  }

  async #together({ acts, lock, pass }: Step & { step: 'together' }): Promise<void> {
    const { issuer } = this.#world
    const held = lock ? await this.#world.lock() : undefined
    const running: Promise<unknown>[] = []
    for (const act of acts) {
      running.push(this.#act(act) ?? Promise.resolve())
      if (!held) continue
      for (let each = 0; each < 3; each++) await request(`${issuer.url}/livez`)
      this.#world.pass(pass)
    }
    held?.release()
    await Promise.all(running)
  }

  #act(act: Act): Promise<void> | undefined {
    switch (act.act) {
      case 'mint':
        return this.#mint(act)
      case 'refresh': {
        const family = pickFrom(this.#families, act.pick)
        return family && this.#refresh(family, 0)
      }
      case 'deny':
        return this.#deny(act.by, act.pick)
      case 'lift':
        return this.#lift(act.pick)
      case 'register':
        return this.#register(act.client)
      case 'enable client': {
        const id = this.#ids[act.client] ?? ''
        return this.#undo(`enable client ${id}`, 'POST', `/admin/api/clients/${id}/enable`)
      }
      case 'enable user': {
        const sub = this.#persons[act.person] ?? ''
        return this.#undo(`enable user ${sub}`, 'POST', `/admin/api/users/${sub}/enable`)
      }
      case 'set ttl': {
        const change = { access_token_ttl: act.seconds }
        return this.#world.operator.call('PATCH', `/admin/api/clients/${this.#ids[act.client]}`, change).then(() => {})
      }
    }
  }

  // ---------------------------------------------------------------- clients and tokens

  /** Registers a client, or the next one under the id of one that was deleted. */
  async #register(client: number): Promise<void> {
    const name = CLIENTS[client] ?? 'shop'
    const clientId = this.#ids[client] ?? ''
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const signing = {
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'own', alg: 'ES256' }] },
    }
    const answer = await this.#world.operator.call('POST', '/admin/api/clients', {
      client_id: clientId,
      grant_types: ['client_credentials', 'refresh_token', SUBJECT_GRANT],
      refresh_grace: 0,
      ...(name === 'boss' ? { scope: 'signet:admin' } : { scope: 'a b', resources: [API] }),
      ...(name === 'signer' && signing),
    })
    if (answer.status !== 201) return
    const key = name === 'signer' ? privateKey : undefined
    this.#registrations[client] = {
      name,
      clientId,
      secret: answer.body.client_secret ?? '',
      key,
      since: this.#model.tick(),
    }
  }

  async #send(path: string, form: Record<string, string>, registration: Known): Promise<Answer> {
    const { clientId, secret, key } = registration
    const url = this.#world.issuer.url + path
    if (!key) return request(url, { form, headers: basic({ clientId, secret }) })
    const assertion = await assertionOf(clientId, this.#world.issuer, key, { header: { kid: 'own' } })
    const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    return request(url, { form: { ...form, client_assertion_type, client_assertion: assertion } })
  }

  async #mint({ client, person, offline }: Act & { act: 'mint' }): Promise<void> {
    const registration = this.#registrations[client]
    if (!registration) return
    const own = registration.name === 'boss' ? 'signet:admin' : 'a'
    const subject = person === null ? undefined : this.#persons[person]
    const asked = this.#model.tick()
    const ask = () =>
      this.#send(
        '/token',
        {
          scope: offline ? `${own} offline_access` : own,
          ...(subject === undefined ? { grant_type: 'client_credentials' } : { grant_type: SUBJECT_GRANT, subject }),
        },
        registration,
      )
    const { clientId } = registration
    const isWelcome = () => this.#model.isWelcome({ registration, clientId, sub: subject ?? clientId }, asked)
    const answer = await this.#untilHeard(ask, ({ status }) => status === 200 || !isWelcome())
    // Refusing everything is no way to pass.
    if (isWelcome()) expect(answer.status, 'a token that nothing speaks against').toBe(200)
    if (answer.status !== 200) return
    const { sid } = this.#model.note(answer.body.access_token, registration)
    if (sid !== undefined) this.#families.push({ sid, registration, held: [answer.body.refresh_token], refreshing: 0 })
  }

  /** @param countBack 0 for the newest token of the family; any other was used before */
  async #refresh(family: Family, countBack: number): Promise<void> {
    const { sid, registration, held } = family
    const token = held.at(-1 - countBack)
    if (token === undefined) return
    const isAlone = family.refreshing === 0 && countBack > 0 && this.#isLive(family)
    // A token that is used twice ends its family; whether this is the second use, only the issuer can say.
    const reuse = family.refreshing > 0 || countBack > 0 ? this.#denySid('reuse', sid) : undefined
    family.refreshing += 1
    const answer = await this.#send('/refresh', { refresh_token: token }, registration)
    family.refreshing -= 1
    if (answer.status === 200) {
      this.#model.note(answer.body.access_token, registration)
      if (!held.includes(answer.body.refresh_token)) held.push(answer.body.refresh_token)
    }
    const isSole = this.#model.denials.every((each) => each === reuse || !concernsSid(each, sid))
    if (reuse && isAlone && isSole) reuse.holds = answer.body.error === 'invalid_grant'
  }

  #isLive({ sid }: Family): boolean {
    return this.#model.issued.filter((each) => each.sid === sid).every((each) => this.#model.isUntouched(each))
  }

  // ---------------------------------------------------------------- denials

  #denySid(says: string, sid: string, liftedBy: string[] = []): Denial {
    return this.#model.begin(`${says} ${sid}`, (issued) => issued.sid === sid, liftedBy)
  }

  #deny(by: (typeof DENIALS)[number], pick: number): Promise<void> | undefined {
    const issued = pickFrom(this.#model.issued, pick)
    const family = pickFrom(this.#families, pick)
    const client = this.#registrations[pick % CLIENTS.length]
    const sub = this.#persons[pick % PERSONS.length] ?? ''
    switch (by) {
      case 'jti':
      case 'token':
      case 'revoke':
      case 'revoke key':
        return issued && this.#denyIssued(by, issued)
      case 'sid':
      case 'refresh token':
      case 'revoke refresh token':
      case 'end grant':
        return family && this.#denyFamily(by, family)
      case 'reuse':
        return family && this.#refresh(family, 1)
      case 'sub':
        return this.#post(
          this.#model.begin(by, (each) => each.sub === sub, [`enable user ${sub}`]),
          { sub },
        )
      case 'sub for a while': {
        const expires_at = Math.floor(this.#now() + 200)
        const denial = this.#model.begin(by, (each) => each.sub === sub, [`enable user ${sub}`], expires_at)
        return this.#post(denial, { sub, expires_at })
      }
      case 'disable user':
        return this.#call(
          this.#model.begin(by, (each) => each.sub === sub, [`enable user ${sub}`]),
          'POST',
          `/admin/api/users/${sub}/disable`,
        )
      case 'client_id':
      case 'disable client':
      case 'delete client':
        return client && this.#denyClient(by, client)
    }
  }

  #denyIssued(by: 'jti' | 'token' | 'revoke' | 'revoke key', { jti, kid, token, registration }: Issued): Promise<void> {
    if (by === 'revoke key') {
      const denial = this.#model.begin(by, (each) => each.kid === kid)
      return this.#call(denial, 'POST', `/admin/api/keys/${kid}/revoke`)
    }
    const denial = this.#model.begin(`${by} ${jti}`, (each) => each.jti === jti)
    if (by !== 'revoke') return this.#post(denial, by === 'jti' ? { jti } : { token })
    // Only what was registered here is ever noted.
    return this.#revoke(denial, token, registration as Known)
  }

  #denyFamily(
    by: 'sid' | 'refresh token' | 'revoke refresh token' | 'end grant',
    { sid, held, registration }: Family,
  ): Promise<void> {
    const denial = this.#denySid(by, sid)
    const token = held.at(-1) ?? ''
    if (by === 'sid') return this.#post(denial, { sid })
    if (by === 'refresh token') return this.#post(denial, { token })
    if (by === 'end grant') return this.#call(denial, 'DELETE', `/admin/api/grants/${sid}`)
    return this.#revoke(denial, token, registration)
  }

  #denyClient(by: 'client_id' | 'disable client' | 'delete client', { clientId }: Known): Promise<void> {
    const path = `/admin/api/clients/${clientId}`
    const concerns = (issued: Issued) => issued.clientId === clientId
    if (by === 'client_id') return this.#post(this.#model.begin(by, concerns), { client_id: clientId })
    if (by === 'disable client') {
      // A new client with the id of a deleted one is not disabled.
      const lifts = [`enable client ${clientId}`, `delete client ${clientId}`]
      return this.#call(this.#model.begin(by, concerns, lifts), 'POST', `${path}/disable`)
    }
    const denial: Denial = this.#model.begin(
      by,
      (issued) => issued.clientId === clientId && issued.registration.since < denial.sent,
    )
    return this.#call(denial, 'DELETE', path).then(() => {
      if (denial.holds) this.#model.lift(`delete client ${clientId}`)
    })
  }

  async #call(denial: Denial, method: string, path: string): Promise<void> {
    const { status } = await this.#world.operator.call(method, path)
    denial.holds = status < 300
  }

  async #post(denial: Denial, entry: Record<string, unknown>): Promise<void> {
    const { status, body } = await this.#world.operator.call('POST', '/blacklist', entry)
    denial.liftedBy.push(String(body.id))
    denial.holds = status === 201
  }

  async #revoke(denial: Denial, token: string, registration: Known): Promise<void> {
    const { status } = await this.#send('/revoke', { token }, registration)
    denial.holds = status === 200
  }

  #lift(pick: number): Promise<void> | undefined {
    const entries = this.#model.denials.flatMap(({ holds, isLifted, liftedBy }) =>
      holds && !isLifted ? liftedBy.filter((cause) => !cause.includes(' ')) : [],
    )
    const id = pickFrom(entries, pick)
    return id === undefined ? undefined : this.#undo(id, 'DELETE', `/blacklist/${id}`)
  }

  async #undo(cause: string, method: string, path: string): Promise<void> {
    const { status } = await this.#world.operator.call(method, path)
    if (status < 300) this.#model.lift(cause)
  }

  // ---------------------------------------------------------------- who accepts

  /** Asks until it is so, for as long as news may take. @returns the last answer */
  async #untilHeard<T>(ask: () => Promise<T>, isSo: (answer: T) => boolean): Promise<T> {
    const deadline = performance.now() + this.#world.heardWithinMs
    for (;;) {
      const answer = await ask()
      if (isSo(answer) || performance.now() >= deadline) return answer
      await new Promise((wake) => setTimeout(wake, 20))
    }
  }

  #now(): number {
    return this.#world.issuer.clock.now() / 1000
  }

  #alive(): Issued[] {
    return this.#model.issued.filter(({ exp }) => exp > this.#now() + 1)
  }

  /** No party accepts a token that is denied now. */
  async expectDenied(): Promise<void> {
    for (const issued of this.#alive()) {
      const denial = this.#model.findDenial(issued, this.#now())
      if (denial && issued.exp > this.#now() + 1)
        expect(await this.#acceptorsOnceHeard(issued, denial), `though denied by: ${denial.says}`).toEqual([])
    }
  }

  /** Whoever accepts is asked again within the time that news may take, counted from the denial. */
  async #acceptorsOnceHeard(issued: Issued, denial: Denial): Promise<string[]> {
    if (!this.#heldSince.has(denial)) this.#heldSince.set(denial, performance.now())
    const isOver = () => performance.now() >= (this.#heldSince.get(denial) ?? 0) + this.#world.heardWithinMs
    for (;;) {
      const isLast = isOver()
      const acceptors = await this.#acceptors(issued)
      if (isLast || acceptors.length === 0) return acceptors
    }
  }

  async #acceptors(issued: Issued): Promise<string[]> {
    const { follower, addresses } = this.#world
    const found: string[] = []
    for (const [index, url] of addresses().entries())
      if (await this.#isAcceptedAt(url, issued)) found.push(index === 0 ? 'issuer' : `replica ${index}`)
    return [...found, ...((await accepts(follower, issued.token)) ? ['follower'] : [])]
  }

  /** The registrations are all our own, `Known`. */
  async #isAcceptedAt(url: string, { token, registration }: Issued): Promise<boolean> {
    if ((registration as Known).name !== 'boss') return isActive({ url }, this.#world.observer, token)
    return (await request(`${url}/admin/api/keys`, { headers: bearer(token) })).status === 200
  }

  /** Moves time until the last token has ended, and looks again and again. */
  async finish(): Promise<void> {
    await this.expectGood()
    const last = Math.max(0, ...this.#model.issued.map(({ exp }) => exp))
    const step = (last - 3 - this.#now()) / 5
    for (let each = 0; each < 5 && this.#alive().length > 0; each++) {
      this.#world.pass(Math.max(step, 0))
      await this.expectDenied()
    }
    this.#world.pass(120)
  }

  /** Tokens that were never denied are accepted, so that refusing everything is no way to pass. */
  async expectGood(): Promise<void> {
    for (const issued of this.#alive().filter((each) => this.#model.isUntouched(each))) {
      if (issued.exp < this.#now() + 5) continue
      expect(await newcomerAccepts(this.#world.issuer, issued.token), 'a token that nothing denies').toBe(true)
      const everywhere = (acceptors: string[]) => acceptors.length === this.#world.addresses().length + 1
      const acceptors = await this.#untilHeard(() => this.#acceptors(issued), everywhere)
      expect(acceptors, 'a token that nothing denies').toHaveLength(this.#world.addresses().length + 1)
    }
  }
}

const concernsSid = ({ concerns }: Denial, sid: string): boolean => concerns({ sid } as Issued)

const pickFrom = <T>(list: T[], pick: number): T | undefined => list.at(-1 - (pick % Math.max(1, list.length)))
