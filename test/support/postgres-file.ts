/**
 * The database of one test file, in a run on PostgreSQL. It stands before the file is imported, because its tests find their
 * place without waiting. A database for each file keeps catalogs small, and no file hears the notifications of another.
 */
import { newDatabase } from './postgres.ts'

process.env.SIGNET_TEST_URL = await newDatabase()
