/**
 * The verifier for Go: its own tests, the quickstart of its README in front of an API, and many followers. A token that
 * is revoked at the issuer is refused within a second.
 *
 * Not again on PostgreSQL: it knows no database, and compilers take their time.
 */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test, type TestContext } from 'vitest'
import { tokens, until } from '../support/admin.ts'
import { CLIENTS, converse, freePort, has, startForeign } from '../support/foreign-client.ts'
import { temporaryFolder } from '../support/issuer.ts'
import { API, expectGuarded, expectRefusedByAll, scene } from '../verifier/followers.ts'
import { inTime } from '../support/in-time.ts'

const run = promisify(execFile)
const MODULE = resolve(import.meta.dirname, '../../verifiers/go')
const PATH = 'signet.example/signetverify'

/** What a command of Go prints; its error tells all of it. */
const go = (cwd: string, ...args: string[]): Promise<string> =>
  run('go', args, { cwd }).then(
    ({ stdout }) => stdout,
    ({ stdout, stderr }: { stdout: string; stderr: string }) => {
      throw new Error(`go ${args.join(' ')}: ${stdout}${stderr}`)
    },
  )

/** Skips the test aloud if the one module that the verifier needs cannot be had. */
async function requireModules({ skip }: TestContext): Promise<void> {
  const got = await go(MODULE, 'mod', 'download').catch((error: Error) => error)
  if (got instanceof Error) skip(`no modules: ${got.message}`)
}

const hasGo = has('go', 'version')

describe.skipIf(!hasGo)(`in ${hasGo ? 'Go' : 'Go (skipped: it is not here)'}`, () => {
  test('the module is formatted, clean, and passes its own tests', async (context) => {
    await requireModules(context)
    expect((await run('gofmt', ['-l', '.'], { cwd: MODULE })).stdout).toBe('')
    await go(MODULE, 'vet', './...')
    // The race detector needs a compiler for C.
    const races = (await go(MODULE, 'env', 'CGO_ENABLED')).trim() === '1' ? ['-race'] : []
    // The vectors stand outside the module, so a remembered result may be old.
    expect(await go(MODULE, 'test', '-count=1', ...races, './...')).toMatch(/^ok\s/)
  })

  test('the quickstart guards an API, and refuses what is revoked within a second', async (context) => {
    await requireModules(context)
    const it = await scene()
    const url = await serveQuickstart(it.issuer.issuer)
    await expectGuarded(it, url)
  })

  test('fifty verifiers follow, and all of them refuse within a second, whatever the cause', async (context) => {
    await requireModules(context)
    const it = await scene()
    const ask = await startFollowers(it.issuer.issuer, { FOLLOWERS: '50' })
    await expectRefusedByAll(it, ask, 'Go')
  })

  test('where events do not get through, polling does', async (context) => {
    await requireModules(context)
    const { issuer, shop } = await scene()
    const proxy = await startProxyWithoutEvents(issuer.url)
    const ask = await startFollowers(issuer.issuer, { FEED_URL: `${proxy.url}/blacklist/feed` })
    const { access_token: token = '' } = await tokens(issuer, shop)
    expect(await ask({ token })).toMatchObject([{ verdict: 'good' }])
    await until(() => proxy.asked.some(({ etag }) => etag !== undefined))
    await issuer.operator.call('POST', '/blacklist', { token })
    const [answer] = await ask({ token, since: Date.now() })
    expect(answer).toMatchObject({ verdict: 'token_revoked' })
    expect(answer?.delay).toBeLessThan(inTime(1000))
    expect(proxy.asked.some(({ path }) => path.includes('?after='))).toBe(true)
  })

  test('after a restart of the issuer a follower goes on where it was', async (context) => {
    await requireModules(context)
    const { issuer, shop } = await scene()
    const ask = await startFollowers(issuer.issuer)
    const { access_token: first = '' } = await tokens(issuer, shop)
    const { access_token: second = '' } = await tokens(issuer, shop)
    await issuer.operator.call('POST', '/blacklist', { token: first })
    expect(await ask({ token: first })).toMatchObject([{ verdict: 'token_revoked' }])
    await issuer.restart()
    expect(await ask({ token: first })).toMatchObject([{ verdict: 'token_revoked' }])
    expect(await ask({ token: second })).toMatchObject([{ verdict: 'good' }])
    await issuer.operator.call('POST', '/blacklist', { token: second })
    expect(await ask({ token: second, since: Date.now() })).toMatchObject([{ verdict: 'token_revoked' }])
  })
})

test('the module for Go introduces itself with the version of the package for Node', () => {
  const { version } = JSON.parse(readFileSync(join(MODULE, '../node/package.json'), 'utf8')) as { version: string }
  expect(readFileSync(join(MODULE, 'version.go'), 'utf8')).toContain(`const Version = "${version}"`)
})

/** Builds the program with many verifiers and starts it. @param more variables, such as how many there are */
async function startFollowers(issuer: string, more: Record<string, string> = {}) {
  const program = join(temporaryFolder(), 'followers')
  await go(join(CLIENTS, 'go-followers'), 'build', '-o', program, '.')
  const env = { ISSUER: issuer, AUDIENCE: API, FOLLOWERS: '1', ...more }
  return converse<{ verdict: string; delay: number }[]>({ program, args: [], env })
}

/** A proxy in front of an issuer that takes no event streams. */
async function startProxyWithoutEvents(issuer: string) {
  const asked: { path: string; etag: string | undefined }[] = []
  const proxy = createServer((incoming, outgoing) => {
    if (incoming.headers.accept === 'text/event-stream') return void outgoing.writeHead(406).end()
    asked.push({ path: incoming.url ?? '', etag: incoming.headers['if-none-match'] })
    const onwards = httpRequest(issuer + incoming.url, { headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    onwards.on('error', () => outgoing.destroy()).end()
  })
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening))
  onTestFinished(() => {
    proxy.close()
    proxy.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked } // it listens on a port
}

/** Builds the program in the module's README, with real addresses, as the README says. Returns its URL. */
async function serveQuickstart(issuer: string): Promise<string> {
  const place = temporaryFolder()
  const port = await freePort()
  const program = /^```go\n(package main\n[^]*?)^```$/m.exec(readFileSync(join(MODULE, 'README.md'), 'utf8'))?.[1]
  writeFileSync(
    join(place, 'main.go'),
    (program ?? '')
      .replace('https://issuer.example', issuer)
      .replace('https://api.example', API)
      .replace('localhost:8080', `localhost:${port}`),
  )
  await go(place, 'mod', 'init', 'orders')
  await go(place, 'mod', 'edit', `-require=${PATH}@v0.0.0`, `-replace=${PATH}=${MODULE}`)
  await go(place, 'mod', 'tidy')
  await go(place, 'build', '-o', 'orders', '.')
  const url = `http://localhost:${port}`
  await startForeign({ program: join(place, 'orders'), args: [], env: {} }, url)
  return url
}
