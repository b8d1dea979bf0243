/** For `npm run migrations`: turns changes of the schema into the next SQL file. Needs no database. */
import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'sqlite',
  schema: './src/store/sqlite/schema.ts',
  out: './migrations/sqlite',
})
