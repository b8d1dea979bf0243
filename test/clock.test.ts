/** What a clock that jumps does to tokens. What it does to keys is in key-rotation.test.ts. */
import { expect, test } from 'vitest'
import { isActive, refresh, tokens as tokensOf, until } from './support/admin.ts'
import { claimsOf, type Credentials } from './support/client.ts'
import { registered, startWithApi } from './support/shared.ts'

const HOUR = 3600
const DAY = 24 * HOUR
const YEAR = 365 * DAY

async function tokens(issuer: { url: string }, client: Credentials, scope: string) {
  const { access_token = '', refresh_token = '' } = await tokensOf(issuer, client, { scope })
  expect(await isActive(issuer, client, access_token)).toBe(true)
  return { accessToken: access_token, refreshToken: refresh_token }
}

test.each([HOUR, DAY, 10 * YEAR])(
  'a clock set back by %i seconds brings nothing back that has expired',
  async (back) => {
    const issuer = await startWithApi({ SIGNET_ACCESS_TOKEN_TTL: '5m', SIGNET_REFRESH_TOKEN_TTL: '10m' })
    const client = await registered(issuer)
    const granted = await tokens(issuer, client, 'a offline_access')
    issuer.clock.advance(HOUR)
    expect(await isActive(issuer, client, granted.accessToken)).toBe(false)

    issuer.clock.jump(-back)
    expect(await isActive(issuer, client, granted.accessToken)).toBe(false)
    expect(await refresh(issuer, client, granted.refreshToken)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    })
    await until(() => issuer.logged.some((line) => line.includes('restart Signet')))
  },
)

test('after a clock was set back, tokens are issued and judged by the time that goes on', async () => {
  const issuer = await startWithApi()
  const client = await registered(issuer)
  const before = await tokens(issuer, client, 'a')
  issuer.clock.jump(-DAY)
  const after = await tokens(issuer, client, 'a')
  expect(claimsOf(after.accessToken).iat).toBeGreaterThanOrEqual(claimsOf(before.accessToken).iat)
  issuer.clock.advance(HOUR)
  expect(await isActive(issuer, client, after.accessToken)).toBe(false)
})

test('a clock set forward ends what has expired by it; set right again, what is alive is alive', async () => {
  const issuer = await startWithApi()
  const client = await registered(issuer)
  const granted = await tokens(issuer, client, 'a')
  issuer.clock.jump(DAY)
  expect(await isActive(issuer, client, granted.accessToken)).toBe(false)
  issuer.clock.jump(-DAY)
  expect(await isActive(issuer, client, granted.accessToken)).toBe(true)
})

test('a restart takes the word of the clock', async () => {
  const issuer = await startWithApi()
  const client = await registered(issuer)
  issuer.clock.jump(-DAY)
  const again = await issuer.restart()
  const granted = await tokens(again, client, 'a')
  expect(Math.abs(claimsOf(granted.accessToken).iat - issuer.clock.now() / 1000)).toBeLessThan(5)
})
