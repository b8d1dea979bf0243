/** Whether the disk has room. On a full disk nothing is written; client_credentials are answered as long as the key has time reserved. */
import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Finding } from '../records/facts.ts'

/** A backup or a migration needs room for another copy of the database, and for its journal. */
const COPIES = 2
const LEAST_BYTES = 256 * 1024 * 1024

/** Free room on the disk of the database. @param usedBytes the size of the database now */
export async function checkDiskSpace(file: string, usedBytes: number): Promise<Finding> {
  let folder = dirname(file)
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder)
  const { bavail, bsize } = await statfs(folder)
  return judgeDiskSpace(folder, bavail * bsize, usedBytes)
}

/** The rule, as a function of values. */
export function judgeDiskSpace(folder: string, freeBytes: number, usedBytes: number): Finding {
  const wanted = Math.max(LEAST_BYTES, COPIES * usedBytes)
  const found = `${megabytes(freeBytes)} free at ${folder}`
  if (freeBytes >= wanted) return { check: 'disk space', ok: true, found, fix: null }
  return {
    check: 'disk space',
    ok: false,
    found: `${found}, less than the ${megabytes(wanted)} that a database of this size should have`,
    fix: 'make room, or move the database (SIGNET_DATABASE_URL) to a larger disk: on a full one nothing is refreshed or revoked, and a start fails: leave the server running, which still serves its keys',
  }
}

const megabytes = (bytes: number): string => `${Math.floor(bytes / 1024 / 1024)} MB`
