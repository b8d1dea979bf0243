/**
 * A Signet in this process, on a free port and in a folder that is gone afterwards. In production it is a service
 * of its own: `signet serve`.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readConfig, startIssuer } from '../src/index.ts'

export interface LocalSignet {
  issuer: string
  stop(): Promise<void>
}

/** A client's id, and the variable that its secret stands in, as the declarative file says it. */
export interface ClientSecret {
  id: string
  secretIn: string
}

/** Starts Signet with the clients and resources of a declarative file, whose secrets are made up at every start. */
export async function startLocalSignet(declaration: URL, clients: readonly ClientSecret[]): Promise<LocalSignet> {
  const folder = mkdtempSync(join(tmpdir(), 'signet-example-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  for (const { secretIn } of clients) process.env[secretIn] = randomSecret()
  const config = readConfig({
    SIGNET_PORT: '0',
    SIGNET_DATABASE_URL: `file:${join(folder, 'signet.db')}`,
    SIGNET_KEYS_DIR: join(folder, 'keys'),
    SIGNET_CONFIG: fileURLToPath(declaration),
    SIGNET_LOG_LEVEL: 'warn',
  })
  try {
    const running = await startIssuer(config)
    return { issuer: running.issuer, stop: () => running.stop().finally(remove) }
  } catch (error) {
    remove()
    throw error
  }
}

export const randomSecret = (): string => randomBytes(32).toString('base64url')
