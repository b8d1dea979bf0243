/**
 * Makes the vectors: `npm run vectors`. Keys and signatures of ECDSA are new at each run, so the files change as a whole;
 * a verdict changes only where a line of this folder does.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FILES, makeDocuments } from './documents.ts'

const documents = makeDocuments()
for (const name of FILES)
  writeFileSync(join(import.meta.dirname, `${name}.json`), `${JSON.stringify(documents[name], null, 2)}\n`)
