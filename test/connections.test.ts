/** Connections as proxies, load balancers and health checks use them. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { until } from './support/admin.ts'
import { startServer } from '../harness/program.ts'
import { fittingConnections, tellRefusedConnections } from '../src/service/file-limit.ts'
import { environmentOf, rememberingLog, startTestIssuer, temporaryFolder } from './support/issuer.ts'

interface Line {
  socket: Socket
  got: () => string
}

/** An open connection to the issuer. */
async function open({ port }: { port: number }): Promise<Line> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let got = ''
  socket.on('data', (chunk) => (got += String(chunk)))
  socket.on('error', () => {}) // a reset is followed by close
  await once(socket, 'connect')
  return { socket, got: () => got }
}

const LIVEZ = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'

async function askOnce({ socket, got }: Line): Promise<void> {
  socket.write(LIVEZ)
  await until(() => got().includes('HTTP/1.1 200'))
}

test.each([
  [{}, 'timeout=75'],
  [{ SIGNET_KEEP_ALIVE: '10m' }, 'timeout=600'],
])('an idle connection is kept as long as %j says, and the response tells it', async (env, told) => {
  const line = await open(await startTestIssuer(env))
  await askOnce(line)
  expect(line.got()).toMatch(/^connection: keep-alive\r$/im)
  expect(line.got().toLowerCase()).toContain(`keep-alive: ${told}\r\n`)
})

test('an idle connection is closed after the time of SIGNET_KEEP_ALIVE', async () => {
  const { socket, got } = await open(await startTestIssuer({ SIGNET_KEEP_ALIVE: '1s' }))
  const closed = once(socket, 'close')
  await askOnce({ socket, got })
  await closed
})

test('when there is no room, the connection that has been idle longest is closed, never one with a request', async () => {
  const issuer = await startTestIssuer({ SIGNET_MAX_CONNECTIONS: '300' })
  const busy = await open(issuer)
  const body = 'grant_type=client_credentials'
  const type = 'Content-Type: application/x-www-form-urlencoded'
  const head = `POST /token HTTP/1.1\r\nHost: x\r\n${type}\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`
  busy.socket.write(head)
  await until(() => busy.got().includes('100 Continue'))
  const idle: Line[] = []
  for (let count = 1; count < 300; count++) idle.push(await open(issuer))
  await Promise.all(idle.map(askOnce))
  // Asked again, so that another is the oldest.
  idle[0]?.socket.write(LIVEZ)
  await until(() => (idle[0]?.got().split('HTTP/1.1 200').length ?? 0) === 3)

  for (let round = 1; round <= 20; round++) await askOnce(await open(issuer))
  await until(() => idle.filter(({ socket }) => socket.closed).length === 20)
  expect(idle[0]?.socket.closed).toBe(false)
  expect(idle.slice(21).filter(({ socket }) => socket.closed)).toEqual([])
  busy.socket.write(body)
  await until(() => busy.got().includes('HTTP/1.1 401'))
}, 30_000)

test('a health check by HTTP/1.0 without Host is answered; HTTP/1.1 needs exactly one Host', async () => {
  const issuer = await startTestIssuer()
  const ask = async (request: string): Promise<string> => {
    const { socket, got } = await open(issuer)
    const closed = once(socket, 'close')
    socket.write(request)
    await closed
    return got().split('\r\n')[0] ?? ''
  }
  for (const path of ['/readyz', '/livez', '/.well-known/jwks.json', '/blacklist/feed'])
    expect(await ask(`GET ${path} HTTP/1.0\r\n\r\n`), path).toBe('HTTP/1.1 200 OK')
  expect(await ask('HEAD /readyz HTTP/1.0\r\n\r\n')).toBe('HTTP/1.1 200 OK')
  expect(await ask('GET /readyz HTTP/1.0\r\nHost: lb.example\r\n\r\n')).toBe('HTTP/1.1 200 OK')
  // Without a Host nobody can tell that the caller named this machine.
  expect(await ask('GET /metrics HTTP/1.0\r\n\r\n')).toBe('HTTP/1.1 403 Forbidden')
  const closing = 'Connection: close\r\n\r\n'
  expect(await ask(`GET /readyz HTTP/1.1\r\n${closing}`)).toBe('HTTP/1.1 400 Bad Request')
  expect(await ask(`GET /readyz HTTP/1.1\r\nHost:\r\n${closing}`)).toBe('HTTP/1.1 400 Bad Request')
  expect(await ask(`GET /readyz HTTP/1.1\r\nHost: a b\r\n${closing}`)).toBe('HTTP/1.1 400 Bad Request')
})

test.runIf(process.platform === 'linux')(
  'where the system allows few open files, the connection that has been idle longest makes room for a new one',
  async () => {
    const env = environmentOf(temporaryFolder())
    const under = ['bash', '-c', 'ulimit -n 64; exec "$0" "$@"']
    const server = await startServer({ env, under }, onTestFinished)
    const idle: Line[] = []
    for (let count = 1; count <= 80; count++) idle.push(await open(server))
    await askOnce(await open(server))
    await until(() => idle[0]?.socket.closed === true)
    expect(idle.at(-1)?.socket.closed).toBe(false)
    expect(server.stderr()).toMatch(
      /SIGNET_MAX_CONNECTIONS: \d+ connections are kept, not 10000: .* 64 files; .*LimitNOFILE/,
    )
  },
)

test.each([
  [10_000, 1_048_576, 10_000],
  [10_000, 10_100, 10_000],
  [10_000, 4096, 3996],
  [10_000, 64, 24],
  [50, 1024, 50],
  [10_000, 20, 1],
  [10_000, Infinity, 10_000],
])('of %i connections and %d open files, %i connections are kept', (maxConnections, limit, kept) => {
  expect(fittingConnections({ maxConnections, databasePool: 10 }, limit)).toBe(kept)
})

test('connections that the system does not hand over are told once in a while, and the server goes on', () => {
  const { log, lines } = rememberingLog()
  const server = createServer()
  tellRefusedConnections(server, log)
  for (let count = 0; count < 3; count++) server.emit('error', new Error('accept EMFILE'))
  expect(lines).toEqual([expect.stringMatching(/"level":"error".*limit of open files.*accept EMFILE/)])
})
