/** The flags of a record's metadata: they are defined and read by the table of its fields. */
import { Option, type Command } from 'commander'
import type * as z from 'zod'
import type { Reading, Table } from '../ground/metadata.ts'
import { checkMetadata, collect, readClaims, readJsonFile, readList } from './usage.ts'

/** By the names that commander gives to the flags. */
export type MetadataOptions = Record<string, Given | undefined>

type Given = string | string[] | boolean

/** Adds the flags of all fields to a command. */
export function withMetadata(command: Command, fields: Table): Command {
  for (const { flag, help, read } of Object.values(fields)) {
    if (read === 'list' || read === 'claims') command.option(flag, help, collect)
    else command.option(flag, help)
    if (typeof read === 'object') command.option(flag.replace('--', '--no-'), read.switch.helpOfNegation)
  }
  return command
}

/**
 * From flags to metadata, through the schema that the admin API and the declarative file use.
 * @throws UsageError that names the flag
 */
export function readMetadata<Schema extends z.ZodType>(
  options: MetadataOptions,
  fields: Table,
  schema: Schema,
): z.output<Schema> {
  const all = Object.entries(fields).map(([name, { flag, read }]) => ({ name, long: longOf(flag), read }))
  const metadata = all.map(({ name, long, read }) => [name, valueOf(options[attributeOf(long)], long, read)])
  const flags = all.map(({ name, long }) => [name, long])
  return checkMetadata(schema, Object.fromEntries(metadata), Object.fromEntries(flags))
}

const longOf = (flag: string): string => flag.split(' ', 1)[0] ?? flag

const attributeOf = (long: string): string => new Option(long).attributeName()

function valueOf(given: Given | undefined, flag: string, read: Reading): unknown {
  if (given === undefined || typeof given === 'boolean') return given
  if (read === 'list') return readList([given].flat())
  if (read === 'claims') return readClaims([given].flat())
  if (read === 'jsonFile') return readJsonFile(flag, String(given))
  return read === 'textOrDefault' && given === 'default' ? null : given
}
