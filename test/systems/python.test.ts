/**
 * The verifier for Python: its own tests, the quickstarts of its README in front of APIs, and many followers. A token
 * that is revoked at the issuer is refused within a second.
 *
 * Not again on PostgreSQL: it knows no database, and package managers take their time.
 */
import { execFile } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest'
import { CLIENTS, converse, freePort, has, installPython, startForeign } from '../support/foreign-client.ts'
import { temporaryFolder } from '../support/issuer.ts'
import { API, expectGuarded, expectRefusedByAll, scene } from '../verifier/followers.ts'

const run = promisify(execFile)
const VERIFIERS = resolve(import.meta.dirname, '../../verifiers')
const README = readFileSync(join(VERIFIERS, 'python/README.md'), 'utf8')
const hasPython = has('python3', '-c', 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))')

describe.skipIf(!hasPython)(`in ${hasPython ? 'Python' : 'Python (skipped: 3.11 with venv is not here)'}`, () => {
  const folder = temporaryFolder(afterAll)
  let installed: string | Error

  /** The virtual environment, and a copy of the package: building in the checkout would leave files there. */
  beforeAll(async () => {
    for (const name of ['python', 'vectors']) cpSync(join(VERIFIERS, name), join(folder, name), { recursive: true })
    installed = await installPython(folder, [`${join(folder, 'python')}[test]`])
  })

  const interpreter = ({ skip }: TestContext): string =>
    installed instanceof Error ? skip(`the packages cannot be had: ${installed.message}`) : installed

  test('the package is typed strictly, and passes its own tests', async (context) => {
    const python = interpreter(context)
    const cwd = join(folder, 'python')
    expect((await run(python, ['-m', 'mypy'], { cwd })).stdout).toMatch(/^Success/)
    expect((await run(python, ['-m', 'pytest', '-q'], { cwd })).stdout).toMatch(/\d+ passed/)
  })

  test.for([
    { name: 'FastAPI', command: ['uvicorn', 'main:app'] },
    { name: 'Flask', command: ['flask', '--app', 'main', 'run'] },
  ])('the quickstart of $name guards an API, and refuses what is revoked', async ({ name, command }, context) => {
    const python = interpreter(context)
    const it = await scene()
    const url = await serveQuickstart(python, it.issuer.issuer, { name, command })
    await expectGuarded(it, url)
  })

  test('fifty verifiers follow, and all of them refuse within a second, whatever the cause', async (context) => {
    const program = interpreter(context)
    const it = await scene()
    const ask = converse<{ verdict: string; delay: number }[]>({
      program,
      args: [join(CLIENTS, 'python_followers.py')],
      env: { ISSUER: it.issuer.issuer, AUDIENCE: API, FOLLOWERS: '50' },
    })
    await expectRefusedByAll(it, ask, 'Python')
  })
})

/** Serves the program of the README that stands behind a sentence about the framework, with real addresses. */
async function serveQuickstart(
  program: string,
  issuer: string,
  { name, command }: { name: string; command: string[] },
): Promise<string> {
  const place = temporaryFolder()
  const port = await freePort()
  const source = new RegExp(`^A ${name} app [^]*?^\`\`\`python\n([^]*?)^\`\`\`$`, 'm').exec(README)?.[1] ?? ''
  writeFileSync(
    join(place, 'main.py'),
    source.replace('https://issuer.example', issuer).replace('https://api.example', API),
  )
  const url = `http://127.0.0.1:${port}`
  const args = ['-m', ...command, '--port', String(port)]
  await startForeign({ program, args, env: { PYTHONPATH: place } }, url)
  return url
}
