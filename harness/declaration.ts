/** A declarative file with clients whose secrets are known before Signet starts. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Credentials } from './call.ts'

export interface Declared {
  /** The path of the file, for `SIGNET_CONFIG`. */
  file: string
  credentialsOf(clientId: string): Credentials
}

/** RFC 7591 metadata, without the secret. */
export interface DeclaredClient {
  client_id: string
  [member: string]: unknown
}

/**
 * Writes the file, and each secret into a file beside it.
 *
 * @param secrets those that are known already, by the id of the client; the others are made up
 */
export function declare(
  folder: string,
  {
    clients,
    resources = [],
    secrets = {},
  }: { clients: DeclaredClient[]; resources?: object[]; secrets?: Record<string, string> },
): Declared {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'signet.json')
  const known = new Map<string, string>()
  const declared = clients.map((client) => {
    const secret = secrets[client.client_id] ?? randomBytes(32).toString('base64url')
    known.set(client.client_id, secret)
    writeFileSync(join(folder, `${client.client_id}.secret`), secret)
    return { ...client, client_secret: { file: `${client.client_id}.secret` } }
  })
  writeFileSync(file, JSON.stringify({ resources, clients: declared }))
  return {
    file,
    credentialsOf(clientId) {
      const secret = known.get(clientId)
      if (secret === undefined) throw new Error(`no client ${clientId} was declared`)
      return { clientId, secret }
    },
  }
}
