/** oidc-provider 9 as an issuer of the same JWTs, in a process of its own. */
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'
import { listen } from './listen.ts'
import { mapAdapters } from './map-adapter.ts'
import { sqliteAdapters } from './sqlite-adapter.ts'
import { ES256_RESOURCE, ISSUER, LIFETIME_SECONDS, RS256_RESOURCE, SCOPE } from './terms.ts'

const [databaseFile = '', clientId = '', secret = ''] = process.argv.slice(2)

const privateJwk = (key: 'ec' | 'rsa') => {
  const { privateKey } =
    key === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const alg = key === 'ec' ? 'ES256' : 'RS256'
  return { ...privateKey.export({ format: 'jwk' }), kid: alg, alg, use: 'sig' }
}

const resourceServer = (resource: string) => ({
  scope: SCOPE,
  audience: resource,
  accessTokenFormat: 'jwt',
  accessTokenTTL: LIFETIME_SECONDS,
  jwt: { sign: { alg: resource === RS256_RESOURCE ? 'RS256' : 'ES256' } },
})

const provider = new Provider(ISSUER, {
  adapter: databaseFile === '' ? mapAdapters() : sqliteAdapters(databaseFile),
  jwks: { keys: [privateJwk('ec'), privateJwk('rsa')] },
  scopes: ['openid', 'offline_access', SCOPE],
  clients: [
    {
      client_id: clientId,
      client_secret: secret,
      grant_types: ['client_credentials', 'refresh_token', 'authorization_code'],
      redirect_uris: ['https://app.example/callback'],
      scope: `openid offline_access ${SCOPE}`,
    },
  ],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => ES256_RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx: unknown, resource: string) => resourceServer(resource),
    },
  },
  findAccount: (_ctx: unknown, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
  rotateRefreshToken: true,
  ttl: {
    ClientCredentials: LIFETIME_SECONDS,
    AccessToken: LIFETIME_SECONDS,
    RefreshToken: 30 * 86_400,
    Grant: 30 * 86_400,
  },
})

/** Makes a family without a browser: the records that its authorization endpoint would have made. */
async function createFamily(): Promise<string> {
  const client = await provider.Client.find(clientId)
  const grant = new provider.Grant({ accountId: clientId, clientId })
  grant.addOIDCScope('offline_access')
  grant.addResourceScope(ES256_RESOURCE, SCOPE)
  const refreshToken = new provider.RefreshToken({
    accountId: clientId,
    client,
    grantId: await grant.save(),
    gty: 'authorization_code',
    resource: ES256_RESOURCE,
    scope: `offline_access ${SCOPE}`,
  })
  return refreshToken.save()
}

const serve = provider.callback()
listen(
  createServer((incoming, outgoing) => {
    if (incoming.url !== '/grant') return void serve(incoming, outgoing)
    incoming.resume()
    void createFamily().then((refresh_token) => outgoing.end(JSON.stringify({ refresh_token })))
  }),
)
