/** Starts an example as a reader does: by one command, in a process of its own, whose output is read. */
import { onTestFinished } from 'vitest'
import { startProgram, type Running } from '../../harness/program.ts'
import { bearer, request, type Answer } from '../support/client.ts'
import type { OnEnd } from '../support/issuer.ts'
import { inTime } from '../support/in-time.ts'

export interface RunningExample {
  /** The value that it printed under a name at its start. */
  place(name: string): string
  stdout(): string
  stderr(): string
  /** Sends Ctrl-C; resolves with the exit code or the name of the signal. */
  interrupt(): Promise<number | string>
}

export interface EndedExample {
  code: number | string
  stdout: string
  stderr: string
}

/** Starts an example and waits for its commands to try. @param onEnd the end of the test, or of a whole file */
export async function startExample(
  name: string,
  env: Record<string, string> = {},
  onEnd: OnEnd = onTestFinished,
): Promise<RunningExample> {
  const { child, exited, stdout, stderr } = launch(name, env)
  onEnd(async () => {
    child.kill('SIGKILL')
    await exited
  })
  await new Promise<void>((ready, failed) => {
    child.stdout?.on('data', () => {
      if (stdout().includes('Ctrl-C ends it.')) ready()
    })
    void exited.then((code) => failed(new Error(`${name} ended with ${code}: ${stderr()}`)))
  })
  return {
    place(each) {
      const [, value] = new RegExp(`^${each} +(\\S+)$`, 'm').exec(stdout()) ?? []
      if (value === undefined) throw new Error(`${name} does not say '${each}': ${stdout()}`)
      return value
    },
    stdout,
    stderr,
    interrupt() {
      child.kill('SIGINT')
      return exited
    },
  }
}

/** Starts an example that is expected to end by itself. */
export async function runToEnd(name: string, env: Record<string, string> = {}): Promise<EndedExample> {
  const { child, exited, stdout, stderr } = launch(name, env)
  onTestFinished(() => void child.kill('SIGKILL'))
  return { code: await exited, stdout: stdout(), stderr: stderr() }
}

/** The example gets the given variables alone: the environment of the tests must not switch a mode. */
const launch = (name: string, env: Record<string, string>): Running =>
  startProgram({
    program: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', 'examples/run.ts', name],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
  })

/** `200`, or the status and the code of a refusal such as `401 token_expired`. */
export const outcome = ({ status, body }: Answer): string => [status, body.error].filter(Boolean).join(' ')

/** The outcome of a request with a token. A refusal must have a challenge and a body. */
export async function opens(url: string, token?: string, method = 'GET'): Promise<string> {
  const answer = await request(url, { method, headers: token === undefined ? {} : bearer(token) })
  if (answer.status === 401 || answer.status === 403) requireChallenge(answer)
  return outcome(answer)
}

/** RFC 6750 §3: a refusal has a challenge; its body has the reason. */
function requireChallenge({ status, headers, body, text }: Answer): void {
  const challenge = headers.get('www-authenticate') ?? ''
  const isBare = body.error === 'missing_token'
  const isGood = isBare ? challenge === 'Bearer' : /^Bearer error="(invalid_token|insufficient_scope)"/.test(challenge)
  const hasBody = typeof body.error === 'string' && typeof body.error_description === 'string'
  if (!isGood || !hasBody) throw new Error(`${status} with challenge '${challenge}' and body ${text}`)
}

/** Milliseconds until a request has the expected outcome. */
export async function millisecondsUntil(
  expected: string,
  ask: () => Promise<string>,
  withinMs = 3000,
): Promise<number> {
  const started = performance.now()
  for (;;) {
    const found = await ask()
    const passed = performance.now() - started
    if (found === expected) return passed
    if (passed > inTime(withinMs)) throw new Error(`still ${found} after ${withinMs} ms, not ${expected}`)
    await new Promise((done) => setTimeout(done, 10))
  }
}

/** Replaces parts of a token's header; the rest stays unchanged. */
export function withHeader(token: string, changes: Record<string, unknown>): string {
  const [header = '', ...rest] = token.split('.')
  const changed = { ...(JSON.parse(Buffer.from(header, 'base64url').toString()) as object), ...changes }
  return [Buffer.from(JSON.stringify(changed)).toString('base64url'), ...rest].join('.')
}

/** Replaces parts of a token's claims; the signature stays unchanged. */
export function withClaims(token: string, changes: Record<string, unknown>): string {
  const [header = '', claims = '', signature = ''] = token.split('.')
  const changed = { ...(JSON.parse(Buffer.from(claims, 'base64url').toString()) as object), ...changes }
  return [header, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join('.')
}
