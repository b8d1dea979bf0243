/** What tests of printed snippets share: printing them, projects around them, and the programs that run them. */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, onTestFinished } from 'vitest'
import { signet } from './process.ts'

export const CHECKOUT = resolve(import.meta.dirname, '../..')

export const run = promisify(execFile)

/** Prints a snippet. @param words the noun, then the name of the record */
export async function printSnippet(
  words: [noun: 'client' | 'resource', id: string],
  target: string,
  env: Record<string, string>,
): Promise<string> {
  const printed = await signet([words[0], 'snippet', words[1], '--for', target], env)
  if (printed.code !== 0) throw new Error(printed.stderr)
  return printed.stdout
}

/** Whether a program is there; a test that needs it says so when it is left out. */
export function has(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore', timeout: 10_000 })
    return true
  } catch {
    return false
  }
}

/** Leaves tests out, aloud, where a package of theirs cannot be had. */
export function skipWithout(faultOf: () => string | undefined): void {
  beforeEach((context) => {
    const fault = faultOf()
    if (fault !== undefined) context.skip(fault)
  })
}

/** A server that ends with the test or the file. Resolves to its URL, without a slash at its end. */
export async function listen(
  listener: (...exchange: Parameters<RequestListener>) => unknown,
  onEnd: (work: () => void) => void = onTestFinished,
): Promise<string> {
  const server = createServer((request, response) => {
    const serve = async () => listener(request, response)
    serve().catch((error: Error) => response.destroy(error))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onEnd(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo // it listens on a port
  return `http://127.0.0.1:${port}`
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, 'localhost', listening))
  const { port } = server.address() as AddressInfo // it listens on a port
  await new Promise((closed) => server.close(closed))
  return port
}

/** Starts an app that listens on PORT; killed with the test. Resolves to its URL once it answers. */
export async function startApp(program: string, args: string[], cwd: string): Promise<string> {
  const port = await freePort()
  const child = spawn(program, args, { cwd, env: { ...process.env, PORT: String(port) }, stdio: 'pipe' })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', (chunk) => (said += String(chunk)))
  child.stderr.on('data', (chunk) => (said += String(chunk)))
  const url = `http://localhost:${port}`
  for (const deadline = Date.now() + 30_000; ;) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${program} ${args.join(' ')}: ${said}`)
    if (await fetch(url).catch(() => undefined)) return url
    await new Promise((wake) => setTimeout(wake, 50))
  }
}
