/** SIGNET_ALLOW_HTTP: an http issuer on a name that is not this machine, for development. */
import { expect, test } from 'vitest'
import { startIssuer, readConfig, Fault } from '../src/index.ts'
import { checkDeployment } from '../src/doctor/deployment.ts'
import { request } from './support/client.ts'
import { freePort } from './support/foreign-client.ts'
import { environmentOf, rememberingLog, temporaryFolder } from './support/issuer.ts'
import { addApp, addPerson, authorizePath, browserAt, signInAt, storeOf } from './support/people.ts'
import { startWithApi } from './support/shared.ts'

/** An address that leads to this machine on Linux and macOS, and is no loopback name by its text. */
const exposed = async () => {
  const port = await freePort()
  return { SIGNET_PORT: String(port), SIGNET_ISSUER: `http://0.0.0.0:${port}`, SIGNET_ALLOW_HTTP: 'true' }
}

const refusalOf = (env: Record<string, string>): string => {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof Fault) return error.message
    throw error
  }
  return ''
}

test('an http issuer on another name than this machine is refused unless SIGNET_ALLOW_HTTP is true', () => {
  const issuer = 'http://signet:3000'
  expect(refusalOf({ SIGNET_ISSUER: issuer })).toMatch(
    /^SIGNET_ISSUER: read "http:\/\/signet:3000"; accepted: an https URL.*SIGNET_ALLOW_HTTP=true/,
  )
  expect(refusalOf({ SIGNET_ISSUER: issuer, SIGNET_ALLOW_HTTP: 'false' })).toContain('SIGNET_ISSUER: read')
  expect(readConfig({ SIGNET_ISSUER: issuer, SIGNET_ALLOW_HTTP: 'true' })).toMatchObject({ issuer, allowHttp: true })
  expect(readConfig({})).toMatchObject({ allowHttp: false })
})

test('SIGNET_ALLOW_HTTP is true or false; anything else is refused by name', () => {
  for (const value of ['yes', 'True', '1', 'on', 'http'])
    expect(refusalOf({ SIGNET_ALLOW_HTTP: value })).toBe(`SIGNET_ALLOW_HTTP: read "${value}"; accepted: true or false`)
})

test('every start of such an issuer warns, and the start of any other does not', async () => {
  const folder = temporaryFolder()
  const start = async (env: Record<string, string>) => {
    const { log, lines } = rememberingLog()
    await (await startIssuer(readConfig(environmentOf(folder, env)), { log })).stop()
    return lines.filter((line) => line.includes('plain http'))
  }
  const env = { SIGNET_ISSUER: 'http://signet:3000', SIGNET_ALLOW_HTTP: 'true' }
  expect(await start(env)).toHaveLength(1)
  expect(await start(env)).toHaveLength(1)
  expect(await start({ ...env, SIGNET_ISSUER: 'https://auth.example' })).toEqual([])
  expect(await start({ SIGNET_ISSUER: 'http://auth.localhost:3000' })).toEqual([])
})

test('a slash at the end of the issuer is told at the start', async () => {
  const start = async (issuer: string) => {
    const { log, lines } = rememberingLog()
    await (await startIssuer(readConfig(environmentOf(temporaryFolder(), { SIGNET_ISSUER: issuer })), { log })).stop()
    return lines.filter((line) => line.includes('ends with a slash'))
  }
  expect(await start('https://auth.example/')).toHaveLength(1)
  expect(await start('https://auth.example')).toEqual([])
})

test('the doctor finds it, and the deployment is sound all the same', async () => {
  const issuer = await startWithApi(await exposed())
  const checks = await checkDeployment(issuer.env)
  expect(checks.filter(({ ok }) => !ok)).toEqual([])
  expect(checks.find(({ check }) => check === 'tls')).toMatchObject({
    ok: true,
    warning: true,
    found: expect.stringContaining('SIGNET_ALLOW_HTTP') as string,
  })
})

test('people sign in there: the cookie is one that a browser sends back over http', async () => {
  const issuer = await startWithApi(await exposed())
  const login = await request(`${issuer.issuer}/login`)
  const cookie = login.headers.getSetCookie().find((each) => each.includes('signet_login=')) ?? ''
  expect(cookie).toMatch(/^signet_login=/)
  expect(cookie).not.toMatch(/secure|__Host-/i)
  await addPerson(await storeOf(issuer), { username: 'ada' })
  const seen = await signInAt(browserAt(issuer), authorizePath(await addApp(issuer, { consent: 'skip' })), {
    username: 'ada',
  })
  expect(seen.isAway, seen.html.slice(0, 400)).toBe(true)
  expect(seen.url.searchParams.get('code')).toBeTruthy()
  expect(seen.url.searchParams.get('iss')).toBe(issuer.issuer)
})
