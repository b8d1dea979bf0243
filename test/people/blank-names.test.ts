/** A name in which nothing can be seen is no name, at any door. */
import { writeFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { Place } from '../cli/run-signet.ts'
import { startAdministered } from '../support/admin.ts'
import { browserAt, PASSWORD } from '../support/people.ts'

const BLANKS = ['', '   ', '\u00A0\u3000', '\u200B\u2060']

test('by sign-up, by invitation and on the profile page', async () => {
  const issuer = await startAdministered({ SIGNET_SIGNUP: 'open' })
  const nameOf = async (username: string) =>
    (await issuer.operator.call('GET', `/admin/api/users/${username}`)).body.name
  for (const [at, name] of BLANKS.entries()) {
    const browser = browserAt(issuer)
    const username = `ada${at}`
    await browser.submit(await browser.get('/signup'), { username, name, password: PASSWORD }, 'create')
    expect([name, await nameOf(username)]).toEqual([name, null])
    const seen = await browser.get('/account/profile')
    await browser.submit(seen, { name: 'Ada', nickname: 'A' }, 'save')
    await browser.submit(seen, { name, nickname: name }, 'save')
    const { body } = await issuer.operator.call('GET', `/admin/api/users/${username}`)
    expect([body.name, body.nickname]).toEqual([null, null])
  }
  const { body } = await issuer.operator.call('POST', '/admin/api/invitations', {})
  const guest = browserAt(issuer)
  const form = await guest.get(String(body.url).slice(issuer.issuer.length))
  await guest.submit(form, { username: 'grace', name: '   ', password: PASSWORD }, 'create')
  expect(await nameOf('grace')).toBeNull()
})

test('at the admin API, of users and of clients', async () => {
  const { operator } = await startAdministered()
  for (const [at, name] of BLANKS.entries()) {
    const user = await operator.call('POST', '/admin/api/users', { username: `u${at}`, name, given_name: name })
    expect([user.status, user.body.name, user.body.given_name]).toEqual([201, null, null])
    const metadata = { grant_types: ['client_credentials'], client_name: name }
    const client = await operator.call('POST', '/admin/api/clients', metadata)
    expect([client.status, client.body.client_name]).toEqual([201, null])
  }
  const kept = await operator.call('POST', '/admin/api/users', { username: 'ada', name: 'Ada  King' })
  expect(kept.body.name).toBe('Ada  King')
})

test('at the command line and in the declarative file, which finds nothing to change the next time', async () => {
  const place = new Place((work) => onTestFinished(work))
  expect(await place.json('user', 'create', 'ada', '--name', '   ')).toMatchObject({ name: null })
  const client = await place.json<{ client_name: null }>('client', 'create', '--id', 'app', '--name', '   ')
  expect(client.client_name).toBeNull()
  expect(await place.json('user', 'update', 'ada', '--name', 'Ada')).toMatchObject({ name: 'Ada' })
  expect(await place.json('user', 'update', 'ada', '--name', ' ')).toMatchObject({ name: null })
  const file = place.file('signet.yaml')
  writeFileSync(file, `users:\n  - username: bob\n    name: '   '\n`)
  await place.json('apply', file)
  expect(await place.json('user', 'show', 'bob')).toMatchObject({ name: null })
  expect(await place.json('apply', file)).toMatchObject({ created: [], changed: [] })
})
