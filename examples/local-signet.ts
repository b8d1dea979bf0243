/**
 * A Signet in this process, on a free port and in a folder that is gone afterwards. In production it is a service
 * of its own: `signet serve`.
 */
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { environmentOf, temporaryFolder } from '../harness/folder.ts'
import { startInProcess } from '../harness/in-process.ts'
import { openLog } from '../src/index.ts'

export interface LocalSignet {
  issuer: string
  /** The variables by which a `signet` command works on the same database. */
  env: Readonly<Record<string, string>>
  stop(): Promise<void>
}

/** A client's id, and the variable from which the declarative file takes its secret. */
export interface ClientSecret {
  id: string
  secretIn: string
}

/**
 * Starts Signet with the clients and resources of a declarative file. Each start makes new secrets.
 * @param more variables of this Signet alone
 */
export async function startLocalSignet(
  declaration: URL,
  clients: readonly ClientSecret[],
  more: Record<string, string> = {},
): Promise<LocalSignet> {
  for (const { secretIn } of clients) process.env[secretIn] = randomSecret()
  // The folder is removed at the end of the process.
  const folder = temporaryFolder((remove) => void process.once('exit', () => void remove()), 'signet-example-')
  const variables = environmentOf(folder, { ...more, SIGNET_CONFIG: fileURLToPath(declaration) })
  const { issuer, env, stop } = await startInProcess(variables, { log: openLog({ level: 'warn', format: 'pretty' }) })
  return { issuer, env, stop }
}

export const randomSecret = (): string => randomBytes(32).toString('base64url')
