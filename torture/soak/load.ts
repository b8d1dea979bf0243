/**
 * All kinds of requests, at an even pace that does not wait for responses. The right response to each request is known,
 * because no request is sent near an expiry, and revoked tokens are remembered.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { Caller, type Answer, type Outgoing } from '../caller.ts'
import type { Place } from '../place.ts'
import type { Random } from '../random.ts'

export const RATE = 200
/** Seconds. So short that expired records are removed during the run. */
export const LIVES = { access: 30, refresh: 90 }
/** A token is not used in this time before its end. Milliseconds. */
const MARGIN_MS = 15_000
const MOST_HELD = 500

interface Held {
  token: string
  since: number
}

export interface Tally {
  sent: number
  answered: number
  /** Requests that were sent twice, because the server closed the kept connection at the same moment, which it may. */
  repeated: number
  /** The first wrong responses. */
  unexpected: string[]
}

type Request = () => Promise<void>

export class SoakLoad {
  readonly tally: Tally = { sent: 0, answered: 0, repeated: 0, unexpected: [] }
  readonly #app: Caller
  readonly #operator: Caller
  readonly #wrong: Caller
  readonly #random: Random
  readonly #access: Held[] = []
  readonly #refresh: Held[] = []
  readonly #entries: string[] = []
  #administrator: Held = { token: '', since: -Infinity }
  #prove: () => Promise<string> = () => Promise.reject(new Error('no key yet'))

  constructor(url: string, place: Place, random: Random) {
    this.#app = new Caller(url, place.app)
    this.#operator = new Caller(url, place.operator)
    this.#wrong = new Caller(url, { ...place.app, secret: `sgs_${'x'.repeat(43)}` })
    this.#random = random
  }

  /** Sends until `isOver`; resolves after the last response. */
  async run(isOver: () => boolean): Promise<Tally> {
    this.#prove = await prover()
    await this.#addRsa()
    const [began, running] = [performance.now(), new Set<Promise<void>>()]
    for (; !isOver(); this.tally.sent++) {
      await pause(Math.max(0, began + (this.tally.sent * 1000) / RATE - performance.now()))
      const one = this.#draw()().catch((error: unknown) => void this.tally.unexpected.push(String(error)))
      running.add(one)
      void one.then(() => running.delete(one))
    }
    await Promise.all(running)
    for (const caller of [this.#app, this.#operator, this.#wrong]) caller.close()
    return this.tally
  }

  /** A resource whose tokens are signed by RSA. */
  async #addRsa(): Promise<void> {
    const headers = await this.#bearer()
    const json = { id: 'rsa', alg: 'RS256' }
    await this.#send(201, this.#wrong, '/admin/api/resources', { headers, json })
    const change = { resources: ['api', 'rsa'] }
    await this.#send(200, this.#wrong, '/admin/api/clients/app', { method: 'PATCH', headers, json: change })
  }

  #draw(): Request {
    const requests: [number, Request][] = [
      [20, () => this.#issue({})],
      [5, () => this.#issue({ resource: 'rsa' })],
      [5, () => this.#issueBound()],
      [8, () => this.#issue({ scope: 'read offline_access' })],
      [20, () => this.#useRefreshToken()],
      [20, () => this.#introspect()],
      [3, () => this.#revoke()],
      [4, () => this.#public('/.well-known/jwks.json')],
      [2, () => this.#public('/.well-known/openid-configuration')],
      [3, () => this.#public('/blacklist/feed')],
      [3, () => this.#refused()],
      [3, () => this.#deny()],
      [1, () => this.#lift()],
      [3, () => this.#read()],
    ]
    let left = this.#random.between(0, 100)
    return requests.find(([weight]) => (left -= weight) < 0)?.[1] ?? (() => this.#introspect())
  }

  async #send(right: number, caller: Caller, path: string, outgoing?: Outgoing): Promise<Answer> {
    const answer = await caller.send(path, outgoing).catch((error: unknown) => {
      if (!isReset(error)) throw error
      this.tally.repeated++
      return caller.send(path, outgoing)
    })
    this.tally.answered++
    if (answer.status !== right) this.#complain(`${path}: ${answer.status} ${answer.text}, and ${right} is right`)
    return answer
  }

  #complain(what: string): void {
    this.tally.unexpected.push(what.slice(0, 300))
  }

  #hold(list: Held[], token: string | undefined): void {
    if (token === undefined) return
    list.push({ token, since: performance.now() })
    if (list.length > MOST_HELD) list.shift()
  }

  /** Takes a token out of the list that will live for a while. */
  #take(list: Held[], livesSeconds: number): Held | undefined {
    const latest = performance.now() - livesSeconds * 1000 + MARGIN_MS
    while (list.length > 0) {
      const [held] = list.splice(this.#random.between(0, list.length), 1)
      if (held && held.since >= latest) return held
    }
    return undefined
  }

  async #issue(form: Record<string, string>, headers: Record<string, string> = {}): Promise<void> {
    const { body } = await this.#send(200, this.#app, '/token', {
      form: { grant_type: 'client_credentials', ...form },
      headers,
    })
    this.#hold(this.#access, body.access_token)
    this.#hold(this.#refresh, body.refresh_token)
  }

  async #issueBound(): Promise<void> {
    await this.#issue({}, { dpop: await this.#prove() })
  }

  async #useRefreshToken(): Promise<void> {
    const held = this.#take(this.#refresh, LIVES.refresh)
    if (!held) return this.#issue({ scope: 'read offline_access' })
    const { body } = await this.#send(200, this.#app, '/refresh', { form: { refresh_token: held.token } })
    this.#hold(this.#access, body.access_token)
    // It has the age of its family, whose end counts from its first token.
    if (body.refresh_token !== undefined) this.#refresh.push({ token: body.refresh_token, since: held.since })
  }

  async #introspect(revoked?: Held): Promise<void> {
    const held = revoked ?? this.#take(this.#access, LIVES.access)
    if (!held) return
    const { body } = await this.#send(200, this.#app, '/introspect', { form: { token: held.token } })
    if (body.active !== (revoked === undefined)) this.#complain(`/introspect: active is ${body.active}`)
    if (!revoked) this.#access.push(held)
  }

  async #revoke(): Promise<void> {
    const held = this.#take(this.#access, LIVES.access)
    if (!held) return
    await this.#send(200, this.#app, '/revoke', { form: { token: held.token } })
    await this.#introspect(held)
  }

  async #public(path: string): Promise<void> {
    await this.#send(200, this.#app, path)
  }

  async #refused(): Promise<void> {
    const form = { grant_type: 'client_credentials' }
    if (this.#random.next() < 0.5) await this.#send(401, this.#wrong, '/token', { form })
    else await this.#send(400, this.#app, '/token', { form: { ...form, scope: 'unknown' } })
  }

  /** The token of the administrator, renewed long before its end. */
  async #bearer(): Promise<Record<string, string>> {
    if (performance.now() - this.#administrator.since > (LIVES.access * 1000) / 3) {
      this.#administrator = { token: await this.#operator.accessToken(), since: performance.now() }
    }
    return { authorization: `Bearer ${this.#administrator.token}` }
  }

  async #deny(): Promise<void> {
    const headers = await this.#bearer()
    const json = { jti: crypto.randomUUID() }
    const { text } = await this.#send(201, this.#wrong, '/blacklist', { headers, json })
    this.#entries.push((JSON.parse(text) as { id: string }).id) // the contract: the entry with its id
    if (this.#entries.length > 50) this.#entries.shift()
  }

  async #lift(): Promise<void> {
    const id = this.#entries.pop()
    if (id === undefined) return
    await this.#send(204, this.#wrong, `/blacklist/${id}`, { method: 'DELETE', headers: await this.#bearer() })
  }

  async #read(): Promise<void> {
    const path = this.#random.pick([
      '/admin/api/keys',
      '/admin/api/clients',
      '/admin/api/grants?limit=20',
      '/blacklist',
    ])
    await this.#send(200, this.#wrong, path, { headers: await this.#bearer() })
  }
}

const isReset = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ECONNRESET'

/** Makes DPoP proofs for `/token` (RFC 9449 §4.2), each of which the issuer has to remember. */
async function prover(): Promise<() => Promise<string>> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const header = { alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) }
  return () => {
    const claims = { jti: crypto.randomUUID(), htm: 'POST', htu: 'http://localhost/token' }
    return new SignJWT(claims).setProtectedHeader(header).setIssuedAt().sign(privateKey)
  }
}
