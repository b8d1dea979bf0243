/**
 * Files that a process was writing when it was killed (src/ground/draft.ts).
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { draftBeside } from '../src/ground/draft.ts'
import { temporaryFolder } from './support/issuer.ts'
import { Place } from './cli/run-signet.ts'

const module = new URL('../src/ground/draft.ts', import.meta.url).href

/** The draft of a process that has ended without removing it. */
function leftBy(file: string): string {
  const program = `import { draftBeside } from ${JSON.stringify(module)}; process.stdout.write(draftBeside(process.argv[1]))`
  const left = spawnSync(process.execPath, ['--input-type=module', '-e', program, file], { encoding: 'utf8' }).stdout
  writeFileSync(left, 'unfinished')
  return left
}

test('the next file in the folder removes what ended processes left, and nothing else', () => {
  const file = join(temporaryFolder(), 'backup.db')
  const left = leftBy(file)
  for (const suffix of ['-wal', '-shm', '-journal']) writeFileSync(left + suffix, '')
  const elsewhere = left.replace(/partial-.{6}/, 'partial-000000')
  const others = [file, elsewhere, draftBeside(file), `${file}.partial-0123456789ab`, `${left}.gz`]
  for (const each of others) writeFileSync(each, 'kept')
  draftBeside(file)
  expect(readdirSync(join(file, '..')).map((name) => join(file, '..', name))).toEqual(others.toSorted())
  // Of a process elsewhere only the age of its file is known.
  utimesSync(elsewhere, 0, 0)
  draftBeside(file)
  expect(existsSync(elsewhere)).toBe(false)
})

test('a change of the key file removes the key that a killed first start left', async (context) => {
  const place = await new Place(context.onTestFinished).migrate()
  const left = leftBy(join(place.keysDir, 'master.key'))
  await place.json('master-key', 'rotate')
  expect(existsSync(left)).toBe(false)
})
