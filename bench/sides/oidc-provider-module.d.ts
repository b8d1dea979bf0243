/** The part of oidc-provider that the bench uses; the package brings no types. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  export type Payload = Record<string, unknown> & { grantId?: string; uid?: string; userCode?: string }

  export interface Adapter {
    upsert(id: string, payload: Payload, expiresIn?: number): Promise<void>
    find(id: string): Promise<Payload | undefined>
    findByUid(uid: string): Promise<Payload | undefined>
    findByUserCode(userCode: string): Promise<Payload | undefined>
    consume(id: string): Promise<void>
    destroy(id: string): Promise<void>
    revokeByGrantId(grantId: string): Promise<void>
  }

  interface Client {
    clientId: string
  }

  interface Model {
    save(): Promise<string>
  }

  interface Grant extends Model {
    addOIDCScope(scope: string): void
    addResourceScope(resource: string, scope: string): void
  }

  export class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>)
    callback(): (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>
    readonly Client: { find(id: string): Promise<Client | undefined> }
    readonly Grant: new (properties: { accountId: string; clientId: string }) => Grant
    readonly RefreshToken: new (properties: Record<string, unknown>) => Model
  }
}
