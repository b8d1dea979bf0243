/** What every door is given: the rooms, wired once in issuer.ts, and the shape of a request's context. */
import type { HttpBindings } from '@hono/node-server'
import type { Actor } from '../audit.ts'
import type { Context } from 'hono'
import type { BlacklistFeed } from '../blacklist/feed.ts'
import type { ClientAuthentication } from '../clients/authentication.ts'
import type { ClientRegistry } from '../clients/registration.ts'
import type { Clock } from '../ground/clock.ts'
import type { Config } from '../config.ts'
import type { GrantNeeds } from '../grant-types/index.ts'
import type { ResourceRegistry } from '../resources/registration.ts'
import type { Revocation } from '../blacklist/revocation.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { KeyReaders } from '../keys/readers.ts'
import type { Log, LogFields } from '../ground/log.ts'
import type { TokenState } from '../tokens/token-state.ts'
import type { Limits } from '../limits/limits.ts'

export interface Rooms extends GrantNeeds {
  /** The exact `iss`. */
  issuer: string
  config: Config
  clock: Clock
  log: Log
  keys: KeyRing
  readers: KeyReaders
  authentication: ClientAuthentication
  clientRegistry: ClientRegistry
  resourceRegistry: ResourceRegistry
  revocation: Revocation
  tokenState: TokenState
  feed: BlacklistFeed
  limits: Limits
  /** Whether the service takes traffic; off while it starts or stops. */
  isReady(): boolean
}

/** What a request gathers on its way, for its one log line. */
export interface RequestFacts extends LogFields {
  request_id: string
}

export interface Env {
  Bindings: HttpBindings & {
    facts: RequestFacts
    isReady: Rooms['isReady']
    /** Who has authenticated. */
    actor?: Actor
  }
}

export type Handler = (c: Context<Env>) => Response | Promise<Response>
