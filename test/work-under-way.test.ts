/** Work that goes on after its caller has left: it counts as load, and the database stays open under it. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { exportJWK, generateKeyPair, type CryptoKey } from 'jose'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { until, type AdministeredIssuer } from './support/admin.ts'
import { post } from './support/client.ts'
import { assertionOf, registered, startWithApi } from './support/shared.ts'
import { untilBegun } from './support/write-lock.ts'

interface Scene {
  issuer: AdministeredIssuer
  clientId: string
  key: CryptoKey
  /** Requests of the issuer to the host of the client's keys, which are not answered yet. */
  asked: ServerResponse[]
  answer(): void
}

let scene: Scene

/** An issuer with a client whose keys are fetched: a request of that client lasts until the test lets the host answer. */
beforeEach(async () => {
  const asked: ServerResponse[] = []
  const host = createServer((_request, response) => void asked.push(response)).listen(0, '127.0.0.1')
  onTestFinished(() => host.close().closeAllConnections())
  await once(host, 'listening')
  const { port } = host.address() as AddressInfo // it listens on a port
  const issuer = await startWithApi({ SIGNET_OUTBOUND_ALLOW: `127.0.0.1:${port}`, SIGNET_MAX_IN_FLIGHT: '1' })
  const { clientId } = await registered(issuer, {
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: `http://127.0.0.1:${port}/keys`,
  })
  const { publicKey, privateKey: key } = await generateKeyPair('ES256')
  const keys = [{ ...(await exportJWK(publicKey)), kid: 'theirs' }]
  const answer = () => asked.forEach((response) => response.end(JSON.stringify({ keys })))
  scene = { issuer, clientId, key, asked, answer }
})

/** Sends a token request whose handler waits for the host, and breaks the connection off. */
async function askAndLeave({ issuer, clientId, key, asked }: Scene): Promise<void> {
  const socket = connect(issuer.port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: await assertionOf(clientId, issuer, key, { header: { kid: 'theirs' } }),
  })
  const body = form.toString()
  const type = 'Content-Type: application/x-www-form-urlencoded'
  socket.write(`POST /token HTTP/1.1\r\nHost: x\r\n${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  await until(() => asked.length > 0)
  socket.destroy()
  // So late that the issuer knows of it.
  await untilBegun(issuer)
}

test('a request counts as load until its work has ended, although its caller has left', async () => {
  await askAndLeave(scene)
  const { issuer, answer } = scene
  expect((await post(issuer, '/token', {})).status).toBe(503)
  answer()
  await until(async () => (await post(issuer, '/token', {})).status !== 503)
})

test('a server that stops waits for the work of callers who have left, and closes its database after that', async () => {
  await askAndLeave(scene)
  const { issuer, answer } = scene
  const stopped = issuer.stop()
  await Promise.race([stopped, sleep(500)])
  answer()
  await stopped
  const lines = issuer.logged.map((line) => z.looseObject({ message: z.string() }).parse(JSON.parse(line)))
  expect(lines.at(-1)).toMatchObject({ message: 'stopped' })
  expect(lines.at(-2)).toMatchObject({ route: '/token', status: 200 })
})
