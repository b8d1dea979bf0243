/** Signet as processes: the command line, and the server as a user starts it. */
import { onTestFinished } from 'vitest'
import type { OnEnd } from '../../harness/folder.ts'
import { runHosted } from '../../harness/command-host.ts'
import { startServer, type Ended, type Serving } from '../../harness/program.ts'

export type { Serving as ServerProcess } from '../../harness/program.ts'

export interface Finished extends Ended {
  /** stdout as the one JSON value that `--json` promises. */
  json: <T = Record<string, unknown>>() => T
}

/** Runs a command to its end. The environment is the given one alone, beside PATH and HOME. */
export async function signet(args: string[], env: Record<string, string>): Promise<Finished> {
  const ended = await runHosted(args, env)
  return { ...ended, json: <T>() => JSON.parse(ended.stdout) as T }
}

/** Starts `signet serve` and waits until it says where it serves; killed when the test ends. */
export const serve = (env: Record<string, string>, onEnd: OnEnd = onTestFinished): Promise<Serving> =>
  startServer({ env }, onEnd)
