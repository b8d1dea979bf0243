/**
 * Every guard of the source is taken out in turn, in a copy of the checkout: at least one test has to fail for
 * each. The short form draws one of them, so that each gets its day, and runs its tests on the source as it is meanwhile.
 */
import type { Context, Fault } from '../fault.ts'
import { allOf, control, exactly, type Finding } from '../finding.ts'
import type { Guard } from '../mutation/guard.ts'
import { GUARDS } from '../mutation/list.ts'
import { openWorkshop, type TestRun, type Workshop } from '../mutation/workshop.ts'

const SHORT = 1
/** Most of the time of a test goes into waiting, so two are run at once. */
const AT_ONCE = 2

interface Trial {
  guard: Guard
  run: TestRun
}

export const mutation: Fault = {
  name: 'mutation',
  title: 'every guard removed in turn',
  async run(context) {
    const chosen = draw(context, context.count(SHORT, GUARDS.length))
    const workshops = Array.from({ length: AT_ONCE }, () => openWorkshop(context))
    const tests = [...new Set(chosen.flatMap((guard) => guard.tests))]
    if (chosen.length > SHORT) {
      const trials = await tryAll(context, chosen, workshops)
      return [...findingsOf(trials), await untouched(tests, workshops)]
    }
    const [one, other] = [workshops.slice(0, 1), workshops.slice(1)]
    const [trials, nothing] = await Promise.all([tryAll(context, chosen, one), untouched(tests, other)])
    return [...findingsOf(trials), nothing]
  },
}

/** So many different guards; all of them in their order. */
function draw(context: Context, count: number): Guard[] {
  if (count >= GUARDS.length) return GUARDS
  const left = [...GUARDS]
  return Array.from({ length: count }, () => left.splice(context.random.between(0, left.length), 1)).flat()
}

async function tryAll(context: Context, guards: Guard[], workshops: Workshop[]): Promise<Trial[]> {
  const waiting = [...guards]
  const trials: Trial[] = []
  const work = async (workshop: Workshop): Promise<void> => {
    for (let guard = waiting.shift(); guard; guard = waiting.shift()) {
      trials.push({ guard, run: await workshop.tryOut(guard.edits, guard.tests) })
      context.progress(`${trials.length} of ${guards.length} guards: ${guard.name}`)
    }
  }
  await Promise.all(workshops.map(work))
  return trials
}

function findingsOf(trials: Trial[]): Finding[] {
  const named = (outcome: TestRun['outcome']) => trials.filter(({ run }) => run.outcome === outcome)
  const broken = named('broken').map(({ guard, run }) => `${guard.name} (${run.told})`)
  const unnoticed = named('passed').map(({ guard }) => guard.name)
  const by = trials.length <= SHORT ? trials.map(({ guard }) => guard.name) : []
  return [
    allOf('removals that a test notices', named('failed').length, trials.length, [...by, ...unnoticed].join('; ')),
    exactly('removals after which no test could run', broken.length, 0, broken.join('; ')),
  ]
}

/** The same tests on the source as it is. */
async function untouched(tests: string[], workshops: Workshop[]): Promise<Finding> {
  const share = (index: number) => tests.filter((_, at) => at % workshops.length === index)
  const runs = await Promise.all(workshops.map((workshop, index) => workshop.tryOut([], share(index))))
  const noticed = runs.filter(({ outcome }) => outcome !== 'passed')
  const found = noticed.length === 0 ? `${tests.length} test files, none notices` : (noticed[0]?.told ?? '')
  return control('nothing removed', found, 'a test notices', noticed.length === 0)
}
