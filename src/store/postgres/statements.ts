/** The plain steps of an act in the SQL of PostgreSQL. */
import { Statements } from '../statements.ts'

export const statementsIn = (schema: string): Statements =>
  new Statements({
    // Behind a pooler there is no search path to rely on.
    nameOf: ({ name }) => `"${schema}".${name}`,
    stored: (n) => `$${n}`,
    compared: (n) => `$${n}`,
    boolean: (value) => value,
    returnsKey: true,
  })
