/**
 * The language in which tables are described. A description is a value: statements, and the schema behind the migrations,
 * are made from it.
 */
import type { Instant } from '../ground/clock.ts'
import type { ChangedNoun } from './records/change.ts'

export type Kind = 'text' | 'integer' | 'boolean' | 'json' | 'bytes'

/** A column, and in its type the value that records hold. */
export interface Column<Value = unknown> {
  readonly kind: Kind
  readonly isNullable: boolean
  /** For a column that was added later: the value of the rows before it, and of rows that an older version writes. */
  readonly fallback?: string | number | boolean
  /** The closed set of values, held by the database too. */
  readonly values?: readonly string[]
  /** The database gives the value: a number that is never given twice. */
  readonly isGenerated?: true
  readonly value?: Value
}

type Options = Omit<Column, 'kind' | 'isNullable' | 'value'>

const column =
  (kind: Kind, isNullable: boolean) =>
  <Value>(options: Options = {}): Column<Value> => ({ kind, isNullable, ...options })

export const text = <Value extends string = string>(options?: Options) => column('text', false)<Value>(options)
export const maybeText = <Value extends string = string>() => column('text', true)<Value | null>()
export const oneOf = <Value extends string>(...values: Value[]) => text<Value>({ values })
export const integer = (options?: Options) => column('integer', false)<number>(options)
export const maybeInteger = () => column('integer', true)<number | null>()
export const instant = () => column('integer', false)<Instant>()
export const maybeInstant = () => column('integer', true)<Instant | null>()
export const boolean = (options?: Options) => column('boolean', false)<boolean>(options)
/** `null` is the JSON `null`, so the column itself is never null. */
export const json = <Value>(options?: Options) => column('json', false)<Value>(options)
export const bytes = () => column('bytes', false)<Buffer>()

/** A rule of the sweep: it deletes a row when every column named here is before its mark. */
export interface Expiry {
  readonly where?: Readonly<Record<string, string>>
  readonly before: Readonly<Record<string, Mark>>
}

/**
 * Times that the sweep compares with. `newsEnd`: changes before it are not told any more. `missedEnd`: twice as long ago.
 * `forgotten`: audit events before it are deleted.
 */
export type Mark = 'now' | 'newsEnd' | 'missedEnd' | 'hourAgo' | 'dayAgo' | 'monthAgo' | 'forgotten'

export interface Index {
  readonly name: string
  readonly columns: readonly string[]
  readonly isUnique?: true
  /** Only rows in which this column is set, or is not, or has a value. */
  readonly where?: { readonly column: string; readonly is: 'null' | 'set' | { readonly value: string } }
}

/** Processes keep these rows in memory: each write raises the revision, and tells noun and id. */
export interface Kept {
  readonly noun: ChangedNoun
  readonly id: string
  /** Takes the revision of the write. */
  readonly stamped?: string
}

export interface Table<Columns extends Record<string, Column> = Record<string, Column>> {
  readonly name: string
  readonly columns: Columns
  /** Columns of the primary key. */
  readonly key: readonly string[]
  readonly indexes?: readonly Index[]
  /** Further conditions that the database holds, by name. */
  readonly checks?: Readonly<Record<string, string>>
  /** Rows that are deleted together with a row of another table. */
  readonly ownedBy?: { readonly column: string; readonly table: string; readonly key: string }
  readonly kept?: Kept
  readonly expires?: readonly Expiry[]
}

/** A row of a table, as records and acts see it. */
export type RowOf<T extends Table> = {
  -readonly [Name in keyof T['columns']]: NonNullable<T['columns'][Name]> extends Column<infer Value> ? Value : never
}

export const table = <Columns extends Record<string, Column>>(description: Table<Columns>): Table<Columns> =>
  description
