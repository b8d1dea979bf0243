/**
 * Drizzle, by its CommonJS build: importing its 150 ES modules, each of which makes Node read a package.json of
 * 200 KB anew, took six times as long and most of the memory of a start. Everything here takes it from this file.
 */
import { createRequire } from 'node:module'
import type * as Queries from 'drizzle-orm'
import type * as Tables from 'drizzle-orm/sqlite-core'

const load = createRequire(import.meta.url)

// The two builds have the same declarations.
const queries = load('drizzle-orm') as typeof Queries
const tables = load('drizzle-orm/sqlite-core') as typeof Tables

export const { sql, getTableColumns } = queries
export const { blob, check, index, integer, primaryKey, sqliteTable, text, uniqueIndex } = tables
