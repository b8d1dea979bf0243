/** For `npm run migrations`: turns changes of the schema into the next SQL file of one database. Needs no database. */
import { defineConfig } from 'drizzle-kit'

const isPostgres = process.env.MIGRATIONS_FOR === 'postgres'

export default defineConfig({
  dialect: isPostgres ? 'postgresql' : 'sqlite',
  schema: './schema/tables.ts',
  out: `./migrations/${isPostgres ? 'postgres' : 'sqlite'}`,
})
