/** The flags of a record's metadata: they are defined and read by the table of its fields. */
import { Option, type Command } from 'commander'
import type * as z from 'zod'
import { JsonFault, readExactJson } from '../ground/exact-json.ts'
import type { Reading, Table } from '../ground/metadata.ts'
import { nearest } from '../ground/nearest.ts'
import type { Schema } from '../ground/schema.ts'
import { mayBeEmpty } from './no-empty-value.ts'
import { UsageError, checkMetadata, collect, readClaims, readJsonFile, readList, readPairs } from './usage.ts'

/** By the names that commander gives to the flags. */
export type MetadataOptions = Record<string, Given | undefined>

type Given = string | string[] | boolean

/** A field that has a flag of its own. */
interface Flagged {
  name: string
  flag: string
  help: string
  read: Reading
}

const flaggedOf = (fields: Table): Flagged[] =>
  Object.entries(fields).flatMap(([name, { flag, help = '', read = 'text' }]) =>
    flag === undefined ? [] : [{ name, flag, help, read }],
  )

const REPEATABLE: readonly Reading[] = ['list', 'claims', 'pairs']

/** Adds the flags of all fields to a command, and `--set` for any field. */
export function withMetadata(command: Command, fields: Table): Command {
  for (const { flag, help, read } of flaggedOf(fields)) {
    const option = mayBeEmpty(new Option(flag, help))
    command.addOption(REPEATABLE.includes(read) ? option.argParser(collect) : option)
    if (typeof read === 'object') command.option(flag.replace('--', '--no-'), read.switch.helpOfNegation)
  }
  return command.option('--set <name=json>', 'any other field, such as consent=always (repeatable)', collect)
}

/**
 * From flags to metadata, through the schema that the admin API and the declarative file use.
 * @throws UsageError that names the flag
 */
export function readMetadata<Built extends z.ZodType>(
  { set, ...options }: MetadataOptions,
  fields: Table,
  schema: Schema<Built>,
): z.output<Built> {
  const all = flaggedOf(fields).map(({ name, flag, read }) => ({ name, long: longOf(flag), read }))
  const metadata = all
    .map(({ name, long, read }): [string, unknown] => [name, valueOf(options[attributeOf(long)], long, read)])
    .filter(([, value]) => value !== undefined)
  const sets = readSets([set ?? []].flat().map(String), fields)
  const twice = sets.find(([name], at) => [...metadata, ...sets.slice(0, at)].some(([each]) => each === name))
  if (twice) throw new UsageError(`--set: ${twice[0]} is given twice`)
  const flags = [...all.map(({ name, long }) => [name, long]), ...sets.map(([name]) => [name, `--set ${name}`])]
  return checkMetadata(schema, Object.fromEntries([...metadata, ...sets]), Object.fromEntries(flags))
}

const longOf = (flag: string): string => flag.split(' ', 1)[0] ?? flag

const attributeOf = (long: string): string => new Option(long).attributeName()

function valueOf(given: Given | undefined, flag: string, read: Reading): unknown {
  if (given === undefined) return given
  if (typeof given === 'boolean') {
    const [on, off] = (typeof read === 'object' && read.switch.values) || [true, false]
    return given ? on : off
  }
  if (read === 'list') return readList([given].flat())
  if (read === 'claims') return readClaims([given].flat())
  if (read === 'pairs') return readPairs(flag, [given].flat())
  if (read === 'jsonFile') return readJsonFile(flag, String(given))
  if (read === 'trueOrFalse') return given === 'true' || (given === 'false' ? false : given)
  return read === 'textOrDefault' && given === 'default' ? null : given
}

/** The values of `--set`, by the names of their fields. @throws UsageError */
const readSets = (pairs: string[], fields: Table): [name: string, value: unknown][] =>
  pairs.map((pair) => {
    const at = pair.indexOf('=')
    const name = pair.slice(0, at)
    if (at < 1) throw new UsageError(`--set: read ${JSON.stringify(pair)}; accepted: name=json`)
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    const names = Object.keys(fields)
    if (!field)
      throw new UsageError(
        `--set: ${JSON.stringify(name)} is no field${nearest(name, names)}; accepted: ${names.join(', ')}`,
      )
    return [name, readSet(name, pair.slice(at + 1), field.schema)]
  })

/** A value as JSON; a text that is none, or that is a number, needs no quotes. `null` empties a field that is never absent. */
function readSet(name: string, text: string, { zod }: Schema): unknown {
  const isAccepted = (value: unknown) => zod.safeParse(value).success
  const isNumber = /^[-\d]/.test(text.trim())
  try {
    const value = readExactJson(text)
    if (isAccepted(value)) return value
    if (value === null) return EMPTY.find(isAccepted) ?? value
    return isNumber && isAccepted(text) ? text : value
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error
    if (error.isNoJson || (isNumber && isAccepted(text))) return text
    throw new UsageError(`--set ${name}: ${error.message}`)
  }
}

const EMPTY: readonly unknown[] = [[], {}]
