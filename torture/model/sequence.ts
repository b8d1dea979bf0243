/** Does the operations of a sequence at the issuer and at the reference, and compares every response and verdict. */
import type { Answer } from '../caller.ts'
import type { Command } from './command.ts'
import { ModelRing } from './key-ring.ts'
import { administer } from './operation.ts'
import type { AccessToken, Client, Family, Reference } from './reference.ts'
import type { Session } from './session.ts'
import { LIVES, type World } from './world.ts'

/** Model and issuer came to different verdicts. */
class Disagreement extends Error {}

interface Held<T> {
  text: string
  is: T
}

export class Sequence {
  readonly world: World
  readonly session: Session
  readonly reference: Reference
  ring = new ModelRing([])
  readonly access: Held<AccessToken>[] = []
  readonly families: { is: Family; tokens: string[] }[] = []
  /** The issuer's ids of the reference's entries, in the same order. */
  readonly entryIds: string[] = []
  verdicts = 0

  constructor(world: World, session: Session, reference: Reference) {
    this.world = world
    this.session = session
    this.reference = reference
  }

  /** @throws Disagreement */
  async run(commands: Command[]): Promise<void> {
    this.ring = new ModelRing(await this.session.firstKeys())
    for (const command of commands) {
      await this.pass(1)
      await this.#do(command)
    }
    await this.pass(1)
    await this.look()
  }

  async pass(seconds: number): Promise<void> {
    await this.world.advance(seconds)
    this.reference.now = this.world.now()
  }

  /** @throws Disagreement unless the two are the same */
  expect(what: string, found: string | undefined, expected: string | undefined): void {
    this.verdicts++
    if (found !== expected) {
      throw new Disagreement(`${what} at ${this.reference.now} s: the issuer says ${found}, the model ${expected}`)
    }
  }

  #do(command: Command): Promise<void> {
    switch (command.act) {
      case 'issue':
        return this.#issue(command)
      case 'refresh':
        return this.#refresh(command)
      case 'revoke':
        return this.#revoke(command)
      case 'advance':
        return this.pass(command.seconds)
      case 'restart':
      case 'kill':
        return this.#restart(command.act === 'kill' ? 'kill' : 'stop')
      case 'look':
        return this.look()
      case 'deny':
      case 'deny-token':
      case 'lift':
      case 'rotate':
      case 'revoke-key':
      case 'disable':
      case 'enable':
      case 'delete':
      case 'create':
        return administer(this, command)
    }
  }

  async #issue({ client: number, person, offline }: Command & { act: 'issue' }): Promise<void> {
    const client = this.clientAt(number)
    const sub = person === null ? client.id : `person-${person}`
    const grant = person === null ? { grant_type: 'client_credentials' } : { grant_type: SUBJECT_GRANT, subject: sub }
    const form = { ...grant, scope: offline ? 'read offline_access' : 'read' }
    const answer = await this.session.as(client.id).send('/token', { form })
    this.expect('new tokens', verdictOf(answer), this.reference.issue(client, sub))
    if (answer.status !== 200) return
    const { access_token: token = '', refresh_token: refreshToken } = answer.body
    this.expect('a refresh token', String(refreshToken !== undefined), String(offline))
    const family = refreshToken === undefined ? undefined : this.#openFamily(token, refreshToken, client, sub)
    this.#hold(token, client, sub, family)
  }

  #openFamily(token: string, refreshToken: string, client: Client, sub: string): Family {
    const { now } = this.reference
    const family: Family = {
      sid: claimsOf(token).sid ?? '',
      client,
      incarnation: client.incarnation,
      sub,
      createdAt: now,
      rotatedAt: now,
      newest: 0,
      isEnded: false,
      isDenied: false,
      accessUntil: now + LIVES.access,
    }
    this.families.push({ is: family, tokens: [refreshToken] })
    return family
  }

  #hold(token: string, client: Client, sub: string, family: Family | undefined): void {
    const { now } = this.reference
    const { jti, kid } = claimsOf(token)
    this.expect('the key that signs', kid, this.ring.active('ES256'))
    this.ring.sees(kid, now + LIVES.access)
    if (family) family.accessUntil = now + LIVES.access
    const is = { jti, client, incarnation: client.incarnation, sub, family, issuedAt: now, kid }
    this.access.push({ text: token, is })
  }

  async #refresh({ back, generationsBack, stolen }: Command & { act: 'refresh' }): Promise<void> {
    const held = this.families.at(-1 - back)
    if (!held) return
    const { is: family, tokens } = held
    const generation = Math.max(0, tokens.length - 1 - generationsBack)
    const by = stolen ? this.clientAt(family.client === this.clientAt(0) ? 1 : 0) : family.client
    const answer = await this.session.as(by.id).refresh(tokens[generation] ?? '')
    this.expect(
      `a refresh by generation ${generation}`,
      verdictOf(answer),
      this.reference.refresh(family, generation, by),
    )
    if (answer.status !== 200) return
    const { access_token: token = '', refresh_token: successor = '' } = answer.body
    tokens[family.newest] ??= successor
    this.expect('the successor', successor, tokens[family.newest])
    this.expect('its grant', claimsOf(token).sid, family.sid)
    this.#hold(token, family.client, family.sub, family)
  }

  async #revoke({ what, back }: Command & { act: 'revoke' }): Promise<void> {
    const held = what === 'access' ? this.access.at(-1 - back) : this.families.at(-1 - back)
    if (!held) return
    const text = 'text' in held ? held.text : (held.tokens.at(-1) ?? '')
    const answer = await this.session.as(held.is.client.id).revoke(text)
    this.expect(`revoking a token: ${what}`, verdictOf(answer), this.reference.revoke(held.is, held.is.client))
  }

  async #restart(how: 'stop' | 'kill'): Promise<void> {
    this.session.forgetAddresses()
    await this.world.restart(how)
  }

  /** Compares the state of every token so far, and the key set. */
  async look(): Promise<void> {
    this.expect('the key set', this.ring.check(await this.session.published(), this.reference.now), undefined)
    const watcher = this.session.as('watcher')
    for (const { text, is } of this.access) {
      const good = this.reference.isAccessGood(is)
      this.expect(`access token ${is.jti} of ${is.client.id}`, String(await watcher.isActive(text)), String(good))
    }
    for (const { is, tokens } of this.families) {
      // Only its own client is told about a refresh token.
      if (!is.client.isThere || is.client.isDisabled) continue
      for (const [generation, token] of tokens.entries()) {
        const active = await this.session.as(is.client.id).isActive(token)
        const good = this.reference.isRefreshGood(is, generation)
        this.expect(`refresh token ${generation} of ${is.sid}`, String(active), String(good))
      }
    }
  }

  clientAt(number: number): Client {
    const client = this.reference.clients[number]
    if (!client) throw new Error(`no client ${number}`)
    return client
  }
}

const SUBJECT_GRANT = 'urn:signet:params:oauth:grant-type:subject'

/** In the form of the reference: the status, and the code of a refusal. */
const verdictOf = ({ status, body }: Answer): string =>
  body.error === undefined ? `${status}` : `${status} ${body.error}`

/** The claims of a token and its `kid`, unverified. */
function claimsOf(token: string): { jti: string; sid?: string; kid: string } {
  const [header, claims] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString())
  return { ...JSON.parse(claims ?? '{}'), kid: JSON.parse(header ?? '{}').kid }
}
