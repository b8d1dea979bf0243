/** References to secrets: a declarative file names a variable or a file, and never holds a secret itself. */
import { dirname, resolve } from 'node:path'
import { textOf } from '../clients/field-schemas.ts'
import type { Env } from '../config/variable.ts'
import { Fault } from '../ground/errors.ts'
import { pathFault } from '../ground/path-name.ts'
import { schemaOf, type ValueOf } from '../ground/schema.ts'
import { MOST_SECRET_BYTES, readTextFile } from '../ground/text-file.ts'

/** The length is checked first; no name of a variable or file is longer. */
const shortText = textOf(4096)

export const secretReferenceSchema = schemaOf((z) =>
  z.union([z.strictObject({ env: shortText.zod.min(1) }), z.strictObject({ file: shortText.zod.min(1) })], {
    error: 'expected a reference, { env: VARIABLE } or { file: PATH }: the secret itself has no place in this file',
  }),
)

/** The secret behind a reference, without its line end and surrounding blanks. */
export function readSecret(
  reference: ValueOf<typeof secretReferenceSchema>,
  place: string,
  file: string,
  env: Env,
  member = 'client_secret',
): string {
  const refuse = (finding: string, help: string) => new Fault(`${place}: ${member}: ${finding}`, help)
  if ('file' in reference) return readSecretFile(resolve(dirname(file), reference.file), reference.file, refuse)
  const value = env[reference.env]?.trim()
  if (value) return requireOneLine(value, `the variable ${reference.env}`, refuse)
  throw refuse(
    `the variable ${reference.env} is ${value === undefined ? 'not set' : 'empty'}`,
    'set it for the process that applies this file',
  )
}

type Refuse = (finding: string, help: string) => Fault

function readSecretFile(path: string, written: string, refuse: Refuse): string {
  const help = 'paths in the file are relative to the file itself'
  const why = pathFault(written)
  if (why !== undefined) throw refuse(`read ${JSON.stringify(written)}, but ${why}`, help)
  const read = readTextFile(path, MOST_SECRET_BYTES)
  if ('why' in read) throw refuse(`${path} ${read.why}`, help)
  const value = read.text.trim()
  if (value === '') throw refuse(`${path} is empty`, help)
  return requireOneLine(value, path, refuse)
}

/** A secret of several lines is the wrong file. Of control characters no client can send any (RFC 6749 appendix A.2). */
function requireOneLine(value: string, where: string, refuse: Refuse): string {
  if (!/\p{Cc}/u.test(value)) return value
  throw refuse(`${where} has a line break or another control character inside`, 'a secret is one line of text')
}
