/** Support for tests of printed snippets: printing them, projects around them, and the programs that run them. */
import { execFile } from 'node:child_process'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { beforeEach, onTestFinished } from 'vitest'
import { freePort, installPython, startForeign } from './foreign-client.ts'
import { signet } from './process.ts'

export const CHECKOUT = resolve(import.meta.dirname, '../..')

const VERIFIER = resolve(CHECKOUT, 'verifiers/python')

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

/** Starts an app that listens on PORT; it is stopped with the test. Resolves to its URL once it answers. */
export async function startApp(program: string, args: string[]): Promise<string> {
  const port = await freePort()
  const url = `http://localhost:${port}`
  await startForeign({ program, args, env: { PORT: String(port) } }, url)
  return url
}

/** An environment with all that the first lines of snippets install; an error where the registry is away. */
export function installFor(snippets: string[], folder: string): Promise<string | Error> {
  const lines = snippets.map((snippet) => /^# {3}pip install (.*)$/m.exec(snippet)?.[1] ?? '')
  const packages = lines.join(' ').replaceAll('"', '').replaceAll('/path/to/signet-verify', VERIFIER)
  return installPython(folder, packages.split(' '))
}
