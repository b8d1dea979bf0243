/**
 * Random sequences of 30 operations, done at the issuer and at a small reference. Both must agree on every response, on
 * the state of every token and on the key set. In some sequences the issuer is a process that is killed.
 */
import type { Context, Fault } from '../fault.ts'
import { allOf, control, type Finding } from '../finding.ts'
import { drawCommand, type Command } from '../model/command.ts'
import { Reference } from '../model/reference.ts'
import { Sequence } from '../model/sequence.ts'
import { Session } from '../model/session.ts'
import { TELLING } from '../model/telling.ts'
import { makeTemplate, openAsProcess, openInProcess, type Template } from '../model/world.ts'

const OPERATIONS = 30
/** Each sequence with a number divisible by this runs at an issuer in a process of its own. */
const PROCESS_EVERY = 20
/** A wrong model must be noticed within so many sequences; the last one is a sequence that always shows it. */
const CONTROLS = 60

interface Trials {
  context: Context
  template: Template
  folder: string
  verdicts: number
}

export const model: Fault = {
  name: 'model',
  title: 'random sequences of 30 operations against a reference model',
  async run(context) {
    const total = context.count(40, 10_000)
    const trials: Trials = { context, template: await makeTemplate(context), folder: context.folder(), verdicts: 0 }
    let agreed = 0
    let failure = ''
    while (agreed < total && failure === '') {
      const commands = TELLING[agreed] ?? draw(context)
      const asProcess = agreed % PROCESS_EVERY === 1
      const fault = await disagreement(trials, commands, asProcess, new Reference())
      if (fault === undefined) agreed++
      else failure = await explain(trials, commands, asProcess, fault)
      context.progress(`${agreed} of ${total} sequences`)
    }
    const note = failure || `${trials.verdicts} verdicts, one in ${PROCESS_EVERY} at a process that is killed`
    return [allOf('sequences in which model and issuer agree', agreed, total, note), await forgetful(trials)]
  },
}

const draw = ({ random }: Context): Command[] => Array.from({ length: OPERATIONS }, () => drawCommand(random))

/** The difference between model and issuer, where there is one. */
async function disagreement(trials: Trials, commands: Command[], asProcess: boolean, reference: Reference) {
  const { context, template, folder } = trials
  const world = await (asProcess ? openAsProcess(context, template, folder) : openInProcess(template, folder))
  const session = new Session(world, template)
  const sequence = new Sequence(world, session, reference)
  try {
    await sequence.run(commands)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    trials.verdicts += sequence.verdicts
    session.forgetAddresses()
    await world.end()
  }
}

/** Leaves out operations as long as model and issuer still disagree. */
async function explain(trials: Trials, commands: Command[], asProcess: boolean, fault: string): Promise<string> {
  let [shortest, told] = [commands, fault]
  for (let at = 0; at < shortest.length;) {
    const shorter = shortest.toSpliced(at, 1)
    const still = await disagreement(trials, shorter, asProcess, new Reference())
    if (still === undefined) at++
    else [shortest, told] = [shorter, still]
    trials.context.progress(`shrinking: ${shortest.length} operations left`)
  }
  return `${told}; after ${JSON.stringify(shortest)}`
}

/** A model that has forgotten one rule. */
class Forgetful extends Reference {
  override onReuse(): void {}
}

/** Chance finds the fault within 60 sequences most of the time, which is not reliable enough for a control. */
const commandsOf = (run: number, context: Context): Command[] => (run === CONTROLS && TELLING[0]) || draw(context)

async function forgetful(trials: Trials): Promise<Finding> {
  for (let run = 1; run <= CONTROLS; run++) {
    const fault = await disagreement(trials, commandsOf(run, trials.context), false, new Forgetful())
    if (fault !== undefined) {
      return control('a model without the reuse rule', `disagrees in sequence ${run}`, 'all agree', true)
    }
  }
  return control('a model without the reuse rule', `${CONTROLS} sequences agree`, 'all agree', false)
}
