/** Does the time of a refusal tell which clients there are, or how much of a secret is right? */
import { Caller } from '../caller.ts'
import type { Context, Fault } from '../fault.ts'
import { atLeast, below, control, exactly, type Finding } from '../finding.ts'
import { percentile } from '../latency.ts'
import { MEMBERS, preparePlace, type Credentials, type Place } from '../place.ts'
import type { Random } from '../random.ts'
import { lettersOf } from '../random-text.ts'
import { Stopwatch } from '../stopwatch.ts'
import { compare } from '../two-samples.ts'
import { tokenRequest } from '../wrong-secrets.ts'

/** dudect's bound: beyond it two distributions are different for certain. */
const MOST_T = 10
const WARM_UPS = 200

export const timing: Fault = {
  name: 'timing',
  title: 'timing of refused secrets',
  async run(context) {
    const place = preparePlace(context, { clients: { known: {} } })
    const { url } = await place.start()
    const generated = await compareAll(
      context,
      url,
      context.count(12_000, 60_000),
      guessesAt(await register(url, place)),
    )
    const brought = await compareAll(context, url, context.count(60, 3000), broughtGuesses(place.client('known')))
    return [...findingsOf('generated', generated), ...findingsOf('brought', brought), ...controlsOf(generated)]
  },
}

async function register(url: string, place: Place): Promise<Credentials> {
  const headers = { authorization: `Bearer ${await new Caller(url, place.operator).accessToken()}` }
  const json = { client_id: 'made', ...MEMBERS }
  const { body, text } = await new Caller(url).send('/admin/api/clients', { headers, json })
  if (body.client_secret === undefined) throw new Error(`no client: ${text}`)
  return { clientId: 'made', secret: body.client_secret }
}

type Guess = (random: Random) => Credentials

/** All of one length, so that only the verdict differs. */
type Guesses = Record<string, Guess>

const UNKNOWN = 'unknown client'
/** For the controls: the same guess under another name, and with a delay. */
const SAME = 'unknown client again'
const LATE = 'unknown client, 0.1 ms later'

function guessesAt({ clientId, secret }: Credentials): Guesses {
  const unknown: Guess = (random) => ({
    clientId: lettersOf(random, clientId.length),
    secret: `sgs_${lettersOf(random, 43)}`,
  })
  return {
    [UNKNOWN]: unknown,
    'known client, wrong secret': (random) => ({ clientId, secret: `sgs_${lettersOf(random, 43)}` }),
    'known client, half of the secret right': (random) => ({
      clientId,
      secret: secret.slice(0, 24) + lettersOf(random, 23),
    }),
    [SAME]: unknown,
    [LATE]: unknown,
  }
}

const broughtGuesses = ({ clientId }: Credentials): Guesses => ({
  [UNKNOWN]: (random) => ({ clientId: lettersOf(random, clientId.length), secret: lettersOf(random, 43) }),
  'known client, wrong secret': (random) => ({ clientId, secret: lettersOf(random, 43) }),
})

interface Timings {
  samples: number
  /** Answers that were no refusal. */
  strange: number
  tookUs: Map<string, number[]>
}

/** In random order, so that whatever else the machine does meets all of them alike. */
async function compareAll(context: Context, url: string, samples: number, guesses: Guesses): Promise<Timings> {
  const stopwatch = await Stopwatch.open(context, url)
  const names = Object.keys(guesses)
  const timings: Timings = { samples, strange: 0, tookUs: new Map(names.map((name) => [name, []])) }
  const plain = names.filter((name) => name !== SAME && name !== LATE).length
  const rounds = Math.ceil(samples / plain) * names.length
  for (let round = -Math.min(WARM_UPS, rounds / 5); round < rounds; round++) {
    const name = context.random.pick(names)
    const guess = guesses[name]?.(context.random)
    if (!guess) continue
    const { status, tookUs } = await stopwatch.time(Buffer.from(tokenRequest(guess)), name === LATE)
    if (status !== 401) timings.strange++
    if (round >= 0) timings.tookUs.get(name)?.push(tookUs)
    context.progress(`${round} of ${rounds} guesses`)
  }
  return timings
}

/** An unknown client against something else. */
function pairOf({ tookUs }: Timings, other: string): { t: number; note: string } {
  const [first, second] = [tookUs.get(UNKNOWN) ?? [], tookUs.get(other) ?? []]
  const { t, difference } = compare(first, second)
  const medians = [first, second].map((each) => percentile(each, 50).toFixed(0))
  return {
    t: Math.abs(t),
    note: `${difference.toFixed(1)} µs; medians ${medians.join(' and ')} µs`,
  }
}

function findingsOf(kind: string, timings: Timings): Finding[] {
  const others = [...timings.tookUs.keys()].slice(1).filter((name) => name !== LATE && name !== SAME)
  const least = Math.min(...[...timings.tookUs.values()].map(({ length }) => length))
  return [
    atLeast(`${kind} secrets: samples of each`, least, timings.samples / 10),
    ...others.map((other) => {
      const { t, note } = pairOf(timings, other)
      return below(`… unknown client and ${other}: |t|`, t, MOST_T, '', note)
    }),
    exactly('… answers other than 401', timings.strange, 0),
  ]
}

/** Two that are alike must look alike, and two that are not must not. */
function controlsOf(timings: Timings): Finding[] {
  const alike = pairOf(timings, SAME)
  const late = pairOf(timings, LATE)
  const found = `|t| ${late.t.toFixed(0)} (${late.note})`
  return [
    below('the same twice: |t|', alike.t, MOST_T, '', alike.note),
    control('the same 0.1 ms later', found, `|t| < ${MOST_T}`, late.t >= MOST_T),
  ]
}
