/**
 * Names of outbound requests: where they lead, and what a name server that does not answer keeps up.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { lookup } from 'node:dns/promises'
import { describe, expect, test } from 'vitest'
import { AllowedHosts } from '../src/outbound/allowed.ts'
import { sendOutbound } from '../src/outbound/request.ts'
import { serveNames } from './support/name-server.ts'

const send = (address: string, allowed: string[] = []): Promise<string> =>
  sendOutbound(address, { method: 'GET', headers: {} }, new AllowedHosts(allowed)).then(
    ({ status }) => String(status),
    (error: Error) => error.message,
  )

describe('a name that leads to a private address is not connected to', () => {
  test.each([
    ['IPv4', ['10.0.0.7']],
    ['this machine', ['127.0.0.1']],
    ['any address', ['0.0.0.0']],
    ['link-local', ['169.254.169.254']],
    ['IPv6', ['fd00:0:0:0:0:0:0:1']],
    ['this machine by IPv6', ['0:0:0:0:0:0:0:1']],
    ['IPv4 in IPv6', ['0:0:0:0:0:ffff:7f00:1']],
    ['NAT64', ['64:ff9b:0:0:0:0:a00:1']],
    ['a public and a private one', ['8.8.8.8', '10.0.0.7']],
    ['a public one, and a private one by IPv6', ['8.8.8.8', 'fd00:0:0:0:0:0:0:1']],
  ])('%s', async (_, addresses) => {
    await serveNames({ 'inside.example': addresses })
    expect(await send('https://inside.example/keys')).toBe('its name leads to a private address')
    expect(await send('https://INSIDE.example:8443/')).toBe('its name leads to a private address')
  })

  test('nor is a name of this machine, which no name server is asked for', async () => {
    const asked = await serveNames({})
    for (const name of ['localhost', 'app.localhost', 'a.b.localhost'])
      expect(await send(`https://${name}/`)).toBe('its name leads to a private address')
    expect(asked).toEqual([])
  })
})

test('a name is resolved once for a request: a later answer leads nowhere', async () => {
  const asked = await serveNames({ 'inside.example': ['10.0.0.7'] })
  await send('https://inside.example/')
  expect(asked).toEqual(['inside.example', 'inside.example']) // by A and by AAAA
})

test('a name that does not exist is told', async () => {
  await serveNames({})
  expect(await send('https://nowhere.example/')).toContain('ENOTFOUND')
})

test('names whose server does not answer keep up neither other names nor look-ups of the system', async () => {
  await serveNames({ 'silent.example': 'silent', 'inside.example': ['10.0.0.7'] })
  const silent = Array.from({ length: 20 }, () => send('https://silent.example/keys'))
  // The host of the database, and hosts that the operator named, are looked up by the system.
  expect((await lookup('localhost')).address).toMatch(/^(127\.0\.0\.1|::1)$/)
  expect(await send('https://inside.example/')).toBe('its name leads to a private address')
  const first = await Promise.race([...silent, Promise.resolve('none has ended')])
  expect(first).toBe('none has ended')
  for (const ended of await Promise.all(silent)) expect(ended).toMatch(/ETIMEOUT|no answer within 5 s/)
})
