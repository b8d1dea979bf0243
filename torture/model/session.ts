/** The callers in a sequence: clients with their present secrets, and an administrator. */
import { Caller, type Answer, type Credentials } from '../caller.ts'
import type { ModelKey } from './key-ring.ts'
import type { Template, World } from './world.ts'

const CONCERNED = ['app-0', 'app-1', 'watcher', 'operator']

export class Session {
  readonly #world: World
  readonly #secrets: Map<string, Credentials>
  readonly #callers = new Map<string, Caller>()
  #token = ''

  constructor(world: World, template: Template) {
    this.#world = world
    this.#secrets = new Map(CONCERNED.map((id) => [id, template.client(id)]))
  }

  /** The caller of a client, with the last secret of the client. */
  as(clientId: string): Caller {
    const known = this.#callers.get(clientId)
    if (known) return known
    const caller = new Caller(this.#world.url(), this.#secrets.get(clientId))
    this.#callers.set(clientId, caller)
    return caller
  }

  takeSecret(clientId: string, secret: string): void {
    this.#secrets.set(clientId, { clientId, secret })
    this.#callers.get(clientId)?.close()
    this.#callers.delete(clientId)
  }

  /** After a restart the port is another one. */
  forgetAddresses(): void {
    for (const caller of this.#callers.values()) caller.close()
    this.#callers.clear()
  }

  /** Asks as administrator; renews the token where time or a revoked key has ended it. */
  async administrate(method: string, path: string, json?: unknown): Promise<Answer> {
    const send = () =>
      this.as('nobody').send(path, { method, json, headers: { authorization: `Bearer ${this.#token}` } })
    if (this.#token !== '') {
      const answer = await send()
      if (answer.status !== 401) return answer
    }
    this.#token = await this.as('operator').accessToken()
    return send()
  }

  async published(): Promise<{ kid: string; alg: string }[]> {
    const { text } = await this.as('nobody').send('/.well-known/jwks.json')
    return (JSON.parse(text) as { keys: { kid: string; alg: string }[] }).keys // RFC 7517 §5
  }

  /** The ring at the beginning: both keys of each algorithm have the same age. */
  async firstKeys(): Promise<ModelKey[]> {
    const { text } = await this.administrate('GET', '/admin/api/keys')
    const keys = JSON.parse(text) as Pick<ModelKey, 'kid' | 'alg' | 'status'>[] // the contract's `signet key list`
    return keys.map(({ kid, alg, status }) => ({ kid, alg, status, createdAt: 0, neededUntil: -Infinity }))
  }
}
