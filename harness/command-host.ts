/**
 * Commands of Signet in a process that has loaded the program already: a test of twenty commands loads it once. Each
 * command has its own environment, standard input, output and exit code, as in a process of its own. Options for Node,
 * other users and signals need a process of their own: `runCommand`.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { ENDED_WITHIN_MS, inherited, runCommand, type Ended } from './program.ts'
import { CHECKOUT } from './version.ts'
import type { Asked } from './hosted-commands.ts'

const idle: ChildProcess[] = []

/**
 * Runs a command of Signet to its end.
 *
 * @param env the whole environment, beside the variables that Node needs
 * @param input its standard input
 */
export async function runHosted(args: string[], env: Record<string, string>, input = ''): Promise<Ended> {
  // Node reads these at its start.
  if (Object.keys(env).some((name) => name.startsWith('NODE_'))) return runCommand(args, { env }, { input })
  const host = freeHost()
  keepAlive(host, true)
  const impatience = setTimeout(() => host.kill('SIGKILL'), ENDED_WITHIN_MS)
  try {
    const ended = await ask(host, { args, env: { ...inherited(), ...env }, input, mark: `\0${randomUUID()}\0` })
    idle.push(host)
    return ended
  } finally {
    clearTimeout(impatience)
    keepAlive(host, false)
  }
}

function freeHost(): ChildProcess {
  for (let host = idle.pop(); host !== undefined; host = idle.pop()) if (host.connected) return host
  return fork(join(import.meta.dirname, 'hosted-commands.ts'), {
    cwd: CHECKOUT,
    env: { NODE_COMPILE_CACHE: join(CHECKOUT, 'node_modules/.cache/signet'), ...inherited() },
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
}

async function ask(host: ChildProcess, asked: Asked): Promise<Ended> {
  const ended = new AbortController()
  const told = Promise.race([
    once(host, 'message', ended) as Promise<[number]>, // the exit code, as `hosted-commands.ts` sends it
    once(host, 'exit', ended).then(() => ['killed' as const]),
  ])
  const printed = [host.stdout, host.stderr].map((stream) => textBetween(asked.mark, stream))
  host.send(asked)
  const [stdout = '', stderr = ''] = await Promise.all(printed)
  const [code] = await told
  ended.abort()
  return { code, stdout, stderr }
}

/**
 * All that is printed between the two marks, or before the end of the stream. Rejects where the command before printed
 * something after its end: it left work behind.
 */
function textBetween(mark: string, stream: NodeJS.ReadableStream | null): Promise<string> {
  return new Promise((done, fail) => {
    let all = ''
    const end = () => {
      stream?.off('data', onData).off('close', end)
      const [late, text = ''] = all.split(mark)
      if (late) fail(new Error(`the command before has printed after its end: ${late}`))
      else done(text)
    }
    const onData = (chunk: string) => {
      all += chunk
      if (all.endsWith(mark) && all.indexOf(mark) < all.length - mark.length) end()
    }
    stream?.setEncoding('utf8')
    stream?.on('data', onData).on('close', end)
  })
}

/** A busy host keeps this process running, an idle one does not. */
function keepAlive(host: ChildProcess, isBusy: boolean): void {
  const change = isBusy ? 'ref' : 'unref'
  host[change]()
  host.channel?.[change]()
  for (const stream of [host.stdout, host.stderr]) (stream as Socket | null)?.[change]() // a pipe is a socket
}
