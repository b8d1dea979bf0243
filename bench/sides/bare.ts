/** Bare handlers as a side: the speed of this machine without the rest of an issuer. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inFolder } from '../folder.ts'
import { nodeProgram, startSide, type Side } from './side.ts'
import type { Credentials } from './terms.ts'

/** @param documents the bodies that Signet serves, by path: the bare side serves the same bytes @param postgres the URL of a database, instead of a file */
export function startBare(name: string, credentials: Credentials, documents: object, postgres = ''): Promise<Side> {
  const { clientId, secret } = credentials
  const documentsFile = inFolder(`${name}.documents.json`)
  writeFileSync(documentsFile, JSON.stringify(documents))
  return startSide({
    name,
    program: nodeProgram([
      join(import.meta.dirname, 'bare-server.ts'),
      inFolder(`${name}.db`),
      clientId,
      secret,
      documentsFile,
      postgres,
    ]),
    credentials,
    paths: { refresh: '/refresh', family: '/grant', jwks: '/.well-known/jwks.json' },
  })
}
