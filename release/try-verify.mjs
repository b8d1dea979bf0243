// Run in an empty project with signet-verify alone, on each release of Node: keys over HTTP, a good token, a changed one.
import { createServer } from 'node:http'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { TokenError, createTokenVerifier } from 'signet-verify'

const { privateKey, publicKey } = await generateKeyPair('ES256')
const jwk = { ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }
const server = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ keys: [jwk] }))
})
await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
const issuer = `http://127.0.0.1:${server.address().port}`

const token = await new SignJWT({ client_id: 'billing', scope: 'read' })
  .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'at+jwt' })
  .setIssuer(issuer)
  .setAudience('orders')
  .setSubject('ada')
  .setIssuedAt()
  .setExpirationTime('5m')
  .sign(privateKey)

const verifier = createTokenVerifier({ issuer, audience: 'orders', jwksUri: `${issuer}/keys` })
const { claims } = await verifier.verifyToken(token)
const [header, payload, signature] = token.split('.')
const changed = `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
const refused = await verifier.verifyToken(changed).catch((error) => error)
if (claims.sub !== 'ada' || !(refused instanceof TokenError) || refused.code !== 'invalid_signature') throw refused
await verifier.close()
server.close()
console.log(`a token is verified and a changed one refused on Node ${process.versions.node}`)
