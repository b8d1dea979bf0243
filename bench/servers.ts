/** The two sides as processes of their own, each on a real file in a folder that goes away. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

export interface Side {
  url: string
  /** Processor time so far, in milliseconds, all threads. */
  cpuMs(): number
  /** Resident memory in MiB. */
  memory(): number
  stop(): void
}

export interface Credentials {
  clientId: string
  secret: string
}

const folder = mkdtempSync(join(tmpdir(), 'signet-bench-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

async function start(args: string[], env: Record<string, string>): Promise<{ side: Side; output: () => string }> {
  const child: ChildProcess = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  const url = await new Promise<string>((found, failed) => {
    child.stdout?.on('data', (chunk) => {
      output += String(chunk)
      const place = /http:\/\/localhost:\d+/.exec(output)
      if (place) found(place[0])
    })
    child.on('exit', (code) => failed(new Error(`${args.join(' ')} ended with ${code}`)))
  })
  const memory = () =>
    Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024)
  return {
    side: { url, memory, cpuMs: () => cpuMsOf(child.pid), stop: () => child.kill('SIGTERM') },
    output: () => output,
  }
}

/** proc(5): user and system time are the 14th and 15th field, in ticks of 10 ms. */
function cpuMsOf(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** The issuer, with a client for both algorithms, declared in a file. */
export async function startSignet(credentials: Credentials, config: string): Promise<Side> {
  const env = {
    SIGNET_PORT: '0',
    SIGNET_DATABASE_URL: `file:${join(folder, 'signet.db')}`,
    SIGNET_KEYS_DIR: join(folder, 'keys'),
    SIGNET_LOG_LEVEL: 'warn',
    SIGNET_CONFIG: config,
    BENCH_SECRET: credentials.secret,
  }
  return (await start([resolve(import.meta.dirname, '../src/signet.js'), 'serve'], env)).side
}

export async function startBare({ clientId, secret }: Credentials, jwks: string): Promise<Side> {
  return (await start([resolve(import.meta.dirname, 'bare.ts'), join(folder, 'bare.db'), clientId, secret, jwks], {}))
    .side
}

export const fileIn = (name: string): string => join(folder, name)
