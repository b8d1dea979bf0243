/**
 * Names of processes (src/ground/process-name.ts): unique, and only a process of the same numbering can be known to be gone.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { isGone, newProcessName } from '../src/ground/process-name.ts'

const module = new URL('../src/ground/process-name.ts', import.meta.url).href

/** The name of a process that has ended. */
function nameOfEnded(): string {
  const program = `import { newServerName } from ${JSON.stringify(module)}; process.stdout.write(newServerName(8080))`
  return spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }).stdout
}

test('a process that ended here is gone, and one that runs is not', () => {
  const ended = nameOfEnded()
  expect(ended).toMatch(/\/\d+:8080$/)
  expect([isGone(ended), isGone(newProcessName())]).toEqual([true, false])
})

test('of a process in another container of the same name, on another machine, or of an earlier version nothing is known', () => {
  const [host = '', numbered = '', pid = ''] = nameOfEnded().split('/')
  const unknown = [`${host}/000000${numbered.slice(6)}/${pid}`, `other/${numbered}/${pid}`, `${host}/${pid}`, host, '']
  expect(unknown.map(isGone)).toEqual(unknown.map(() => false))
})
