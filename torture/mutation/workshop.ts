/**
 * A copy of the checkout in which guards are taken out and the tests are run. The packages are shared by a link;
 * nothing is ever changed in the checkout itself.
 */
import { execFile } from 'node:child_process'
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Context } from '../fault.ts'
import type { Edit } from './guard.ts'

const CHECKOUT = resolve(import.meta.dirname, '../..')

/** What the source and its tests need, as far as it is there. */
const COPIED = [
  'src',
  'test',
  'migrations',
  'verifier',
  'docs',
  'deploy',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'vitest.config.ts',
  'README.md',
]

/** A test file that takes longer hangs. */
const HANGS_MS = 180_000

export interface TestRun {
  /** `broken` where no test could be run, or one took too long: that says nothing about a guard. */
  outcome: 'passed' | 'failed' | 'broken'
  /** The test that failed first and why, or what broke. */
  told: string
}

export interface Workshop {
  /** Runs test files with the edits made, one file after another until one fails, and takes the edits back. */
  tryOut(edits: Edit[], tests: string[]): Promise<TestRun>
}

export function openWorkshop(context: Context): Workshop {
  const folder = context.folder()
  for (const name of COPIED) {
    const from = join(CHECKOUT, name)
    if (existsSync(from)) cpSync(from, join(folder, name), { recursive: true })
  }
  symlinkSync(join(CHECKOUT, 'node_modules'), join(folder, 'node_modules'))
  return {
    async tryOut(edits, tests) {
      const before = new Map(edits.map(({ file }) => [file, readFileSync(join(folder, file), 'utf8')]))
      for (const edit of edits) apply(folder, edit)
      try {
        return await runTests(context, folder, tests)
      } finally {
        for (const [file, text] of before) writeFileSync(join(folder, file), text)
      }
    },
  }
}

function apply(folder: string, { file, snippet, replacement }: Edit): void {
  const path = join(folder, file)
  const parts = readFileSync(path, 'utf8').split(snippet)
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${snippet}`)
  writeFileSync(path, parts.join(replacement))
}

/** The first run that fails; else one that broke, if any did. */
async function runTests(context: Context, folder: string, tests: string[]): Promise<TestRun> {
  let result: TestRun = { outcome: 'passed', told: '' }
  for (const test of tests) {
    const run = await runTestFile(context, folder, test)
    if (run.outcome === 'failed') return run
    if (run.outcome === 'broken') result = run
  }
  return result
}

/** What of vitest's JSON report is looked at. */
interface Report {
  numPassedTests: number
  numFailedTests: number
  testResults: {
    message: string
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[]
  }[]
}

function runTestFile(context: Context, folder: string, test: string): Promise<TestRun> {
  const report = join(folder, 'report.json')
  writeFileSync(report, '{}')
  // What fails once and then passes was the machine, not the guard.
  const args = ['run', test, '--bail=1', '--retry=2', '--cache=false', '--reporter=json', `--outputFile=${report}`]
  return new Promise((done) => {
    const vitest = execFile(
      process.execPath,
      [join(folder, 'node_modules/vitest/vitest.mjs'), ...args],
      { cwd: folder, env: outsideEnv(), timeout: HANGS_MS, killSignal: 'SIGKILL', maxBuffer: 64_000_000 },
      (_error, _stdout, stderr) => done(read(report, test, stderr)),
    )
    context.onEnd(() => void vitest.kill('SIGKILL'))
  })
}

/** The tests decide themselves what Signet is told. */
const outsideEnv = (): Record<string, string | undefined> => ({ PATH: process.env.PATH, HOME: process.env.HOME })

function read(report: string, test: string, stderr: string): TestRun {
  const {
    numPassedTests = 0,
    numFailedTests = 0,
    testResults = [],
  } = JSON.parse(readFileSync(report, 'utf8')) as Partial<Report> // written by vitest, or nothing of it
  const failed = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find(({ status }) => status === 'failed')
  if (failed) {
    const why = firstLine(failed.failureMessages[0])
    // A machine with too much to do says nothing about a guard.
    return { outcome: TIMEOUT.test(why) ? 'broken' : 'failed', told: `${test}: ${failed.fullName}: ${why}` }
  }
  if (numPassedTests > 0 && numFailedTests === 0) return { outcome: 'passed', told: '' }
  return { outcome: 'broken', told: `${test}: ${firstLine(testResults[0]?.message ?? stderr)}` }
}

const TIMEOUT = /^(TestTimeout)?Error: (Test|Hook) timed out/

const firstLine = (text = ''): string => text.split('\n')[0]?.slice(0, 200) ?? ''
