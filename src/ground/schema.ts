/**
 * Schemas that check values from outside. No other file loads zod, and it is loaded at the first use of a schema: a
 * command that reads no metadata and a service that only issues tokens go without. Doors and tables take a `Schema`,
 * so a schema that is built while its module loads does not compile there.
 */
import { createRequire } from 'node:module'
import type * as z from 'zod'
import type { JsonSchema } from './shape.ts'

type Zod = typeof z

const require = createRequire(import.meta.url)
// Sound: the types of the package are those of this build of it. Node keeps what it has loaded.
const load = (): Zod => require('zod') as Zod

/** A schema of zod that is built at its first use, once. */
export class Schema<Built extends z.ZodType = z.ZodType> {
  readonly #build: (zod: Zod) => Built
  #built: Built | undefined

  /** @param build called at the first use, with zod */
  constructor(build: (zod: Zod) => Built) {
    this.#build = build
  }

  /** The schema itself. For use inside of another schema, or when a value is there to check. */
  get zod(): Built {
    return (this.#built ??= this.#build(load()))
  }

  /** The accepted input in JSON Schema, before it is made into ours. @param correct called with each part */
  describeInput(correct: (part: JsonSchema) => void): JsonSchema {
    const { $schema: _dialect, ...described } = this.zod.toJSONSchema({
      io: 'input',
      // A preprocessed value has no type of its own; the value that it becomes has.
      unrepresentable: 'any',
      // The name of the schema is its place among the components; here it would make a definition of it.
      metadata: load().registry(),
      override: ({ jsonSchema }) => correct(jsonSchema),
    })
    return described
  }
}

/** Makes a schema: `schemaOf((z) => z.string())`. */
export const schemaOf = <Built extends z.ZodType>(build: (zod: Zod) => Built): Schema<Built> => new Schema(build)

/** The value that a schema makes of an accepted input. */
export type ValueOf<Of extends Schema> = z.output<Of['zod']>
