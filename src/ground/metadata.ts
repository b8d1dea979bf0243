/**
 * Metadata of a record as it stands on the wire. A table says everything of a field: how it is given, kept, shown and
 * described. The admin API, the declarative file, the command line and OpenAPI read the same table.
 */
import type * as z from 'zod'
import type { Schema, ValueOf } from './schema.ts'
import { integer, orNull, type JsonSchema } from './shape.ts'

/** How a field is given, kept, shown and described. */
export interface Field<Stored, Inner extends PropertyKey, Kind extends z.ZodType, Shown> {
  /** Its name in our records. */
  inner: Inner
  /** Checks it in requests, in the declarative file, and from the command line. */
  schema: Schema<Kind>
  /** As answers show it, where that differs from the record. */
  show?: (record: Stored) => Shown
  /** Describes it in answers. */
  shape: JsonSchema
  says: string
  /** Whether the order of its values has no meaning. */
  isSet?: boolean
  /** On the command line; `read` says how the text becomes a value. A field without a flag is given by `--set`. */
  flag?: string
  help?: string
  read?: Reading
}

/**
 * `textOrDefault`: the text `default` becomes `null`. `pairs`: `name=text`, repeatable. `switch`: the flag has no value,
 * and a negation of its own; it stands for `true` and `false`, or for two other values.
 */
export type Reading =
  | 'text'
  | 'textOrDefault'
  | 'trueOrFalse'
  | 'list'
  | 'pairs'
  | 'claims'
  | 'jsonFile'
  | { switch: { helpOfNegation: string; values?: readonly [on: string, off: string] } }

/** A field of any record. */
type AnyField = Field<never, PropertyKey, z.ZodType, unknown>

/** The fields of a record by their names on the wire. */
export type Table = Record<string, AnyField>

type Terms<Stored, Inner extends keyof Stored, Kind extends z.ZodType, Shown> = Omit<
  Field<Stored, Inner, Kind, Shown>,
  'inner'
>

/** Makers of the fields of a record. A schema has to make a value of the type that the record keeps. */
export const fieldsOf = <Stored>() => ({
  field: <Inner extends keyof Stored, Kind extends z.ZodType<Stored[Inner]>, Shown = Stored[Inner]>(
    inner: Inner,
    terms: Terms<Stored, Inner, Kind, Shown>,
  ): Field<Stored, Inner, Kind, Shown> => ({ inner, ...terms }),

  /** A duration, given in any spelling and shown in seconds; `null` follows the configuration. */
  duration: <Inner extends keyof Stored, Kind extends z.ZodType<Stored[Inner]>>(
    inner: Inner,
    schema: Schema<Kind>,
    { says, ...named }: { says: string; flag?: string; help?: string },
  ): Field<Stored, Inner, Kind, Stored[Inner]> => ({
    inner,
    schema,
    shape: orNull(integer()),
    says: `${says} A duration such as \`15m\`, \`30d\` or \`3600\` (seconds); answers are in seconds.`,
    ...named,
    read: 'textOrDefault',
  }),
})

/** Makes a value for each field of a table. */
const ofEachField = <Fields extends Table, Value>(
  fields: Fields,
  make: (field: AnyField, name: string) => Value,
): Record<keyof Fields, Value> =>
  // Sound: the keys of the result are the keys of the table.
  Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, make(field, name)])) as Record<
    keyof Fields,
    Value
  >

/** A change as records have it. Absent members stay as they are; `null` is a value. */
export type ChangeBy<Fields extends Table> = {
  [Name in keyof Fields as Fields[Name]['inner']]?: ValueOf<Fields[Name]['schema']>
}

/** From the names on the wire to ours, without absent members. */
export function changeBy<Fields extends Table>(
  fields: Fields,
  metadata: { [Name in keyof Fields]?: ValueOf<Fields[Name]['schema']> | undefined },
): ChangeBy<Fields> {
  const given = Object.entries(metadata).filter(([, value]) => value !== undefined)
  // Sound: each value was made by the schema of its field, and stands under the inner name of that field.
  return Object.fromEntries(given.map(([name, value]) => [fields[name]?.inner, value])) as ChangeBy<Fields>
}

/** The names on the wire of the fields that a change of a record holds. */
export const namesOf = (fields: Record<string, { inner: PropertyKey }>, change: object): string[] =>
  Object.entries(fields).flatMap(([name, { inner }]) => (Object.hasOwn(change, inner) ? [name] : []))

/** The fields of a record as answers show them. */
export const shownBy = <Stored, Fields extends Record<string, Field<Stored, keyof Stored, z.ZodType, unknown>>>(
  fields: Fields,
  record: Stored,
): { [Name in keyof Fields]: ReturnType<NonNullable<Fields[Name]['show']>> } =>
  // Sound: `field` ties the shown value to the name, and without `show` it is the value of the record.
  Object.fromEntries(
    Object.entries(fields).map(([name, { show, inner }]) => [name, show ? show(record) : record[inner]]),
  ) as { [Name in keyof Fields]: ReturnType<NonNullable<Fields[Name]['show']>> }

/** The schema of each field, for use inside of another schema. */
export const schemasOf = <Fields extends Table>(
  fields: Fields,
): { [Name in keyof Fields]: Fields[Name]['schema']['zod'] } =>
  // Sound: each stands under the name of its own field.
  ofEachField(fields, ({ schema }) => schema.zod)

/** The description of each field in answers. */
export const shapesOf = <Fields extends Table>(fields: Fields): Record<keyof Fields, JsonSchema> =>
  ofEachField(fields, ({ shape, says }) => ({ ...shape, description: says }))

/** The meaning of each field. */
export const meaningsOf = (fields: Table): Record<string, string> => ofEachField(fields, ({ says }) => says)
