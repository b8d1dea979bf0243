/** The property of denials over three replicas, which is a test of the suite: the row runs it, for longer in the long form. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startProgram } from '../../../harness/program.ts'
import { CHECKOUT } from '../../../harness/version.ts'
import type { Context, Fault } from '../../fault.ts'
import { control, exactly } from '../../finding.ts'

const TEST = 'test/properties/denials-over-replicas.test.ts'
/** The first test is the property, the second one its control. */
const CONTROL = 'a replica that hears of nothing is found'

interface Outcome {
  title: string
  status: string
  failureMessages: string[]
}

export const denialProperty: Fault = {
  name: 'replica-property',
  title: 'the property of denials over three replicas',
  async run(context) {
    const sequences = context.count(14, 100)
    const outcomes = await runTests(context, sequences)
    const passed = (each: Outcome | undefined): boolean => each?.status === 'passed'
    const property = outcomes.filter(({ title }) => title !== CONTROL)
    const broken = property.find((each) => !passed(each))
    const fails = passed(outcomes.find(({ title }) => title === CONTROL))
    return [
      exactly('properties run', property.length, 1),
      exactly(
        'sequences in which a denied token is accepted',
        broken ? 1 : 0,
        0,
        firstLine(broken) ?? `${sequences} sequences`,
      ),
      control('a replica that is cut off', fails ? 'found accepting' : 'not found', '0', fails),
    ]
  },
}

const firstLine = (outcome: Outcome | undefined): string | undefined => outcome?.failureMessages[0]?.slice(0, 300)

async function runTests(context: Context, sequences: number): Promise<Outcome[]> {
  const report = join(context.folder(), 'report.json')
  const running = startProgram({
    program: process.execPath,
    args: [join(CHECKOUT, 'node_modules/vitest/vitest.mjs'), 'run', TEST, '--reporter=json', `--outputFile=${report}`],
    env: { ...process.env, SIGNET_TEST_DENIAL_RUNS: String(sequences) },
  })
  context.onEnd(() => void running.child.kill('SIGTERM'))
  await running.exited
  // The report of Vitest, which has the shape of Jest's.
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as { testResults: { assertionResults: Outcome[] }[] }
  return testResults.flatMap(({ assertionResults }) => assertionResults)
}
