/** Whether the time of a refusal reveals which clients exist, how they authenticate, or how much of a secret is right. */
import { exportJWK, generateKeyPair } from 'jose'
import { Caller, type Credentials } from '../caller.ts'
import type { Context, Fault } from '../fault.ts'
import { atLeast, below, control, exactly, type Finding } from '../finding.ts'
import { percentile } from '../latency.ts'
import { MEMBERS, preparePlace, type Place } from '../place.ts'
import { lettersOf, type Random } from '../random.ts'
import { Stopwatch } from '../stopwatch.ts'
import { compare } from '../two-samples.ts'
import { tokenRequest, wrongAssertionRequests } from '../wrong-credentials.ts'

/** dudect's bound: beyond it two distributions are different for certain. */
const MOST_T = 10
const WARM_UPS = 200

export const timing: Fault = {
  name: 'timing',
  title: 'timing of refused secrets and assertions',
  async run(context) {
    const place = preparePlace(context, { clients: { known: {} } })
    const { url } = await place.start()
    const generated = await compareAll(
      context,
      url,
      context.count(12_000, 60_000),
      guessesAt(await register(url, place, 'made')),
    )
    const brought = await compareAll(context, url, context.count(60, 3000), broughtGuesses(place.client('known')))
    const assertions = await compareAll(
      context,
      url,
      context.count(2000, 20_000),
      await assertionsOf(context, url, place),
    )
    return [
      ...findingsOf('generated secrets', generated),
      ...findingsOf('brought secrets', brought),
      ...findingsOf('assertions', assertions),
      ...controlsOf(generated),
    ]
  },
}

async function register(url: string, place: Place, clientId: string, metadata: object = {}): Promise<Credentials> {
  const headers = { authorization: `Bearer ${await new Caller(url, place.operator).accessToken()}` }
  const json = { client_id: clientId, ...MEMBERS, ...metadata }
  const { status, body, text } = await new Caller(url).send('/admin/api/clients', { headers, json })
  if (status !== 201) throw new Error(`no client: ${text}`)
  return { clientId, secret: body.client_secret ?? '' }
}

/** The bytes of a request. */
type Guess = (random: Random) => string

/** All guesses have the same length, so that only the verdict differs. */
type Guesses = Record<string, Guess>

const UNKNOWN = 'unknown client'
/** For the controls: the same guess under another name, and with a delay. */
const SAME = 'unknown client again'
const LATE = 'unknown client, 0.1 ms later'

function guessesAt({ clientId, secret }: Credentials): Guesses {
  const unknown: Guess = (random) =>
    tokenRequest({ clientId: lettersOf(random, clientId.length), secret: `sgs_${lettersOf(random, 43)}` })
  return {
    [UNKNOWN]: unknown,
    'known client, wrong secret': (random) => tokenRequest({ clientId, secret: `sgs_${lettersOf(random, 43)}` }),
    'known client, half of the secret right': (random) =>
      tokenRequest({ clientId, secret: secret.slice(0, 24) + lettersOf(random, 23) }),
    [SAME]: unknown,
    [LATE]: unknown,
  }
}

const broughtGuesses = ({ clientId }: Credentials): Guesses => ({
  [UNKNOWN]: (random) => tokenRequest({ clientId: lettersOf(random, clientId.length), secret: lettersOf(random, 43) }),
  'known client, wrong secret': (random) => tokenRequest({ clientId, secret: lettersOf(random, 43) }),
})

/** `known` has a secret, `prove` a key; all names have five letters. */
async function assertionsOf({ random }: Context, url: string, place: Place): Promise<Guesses> {
  const { publicKey } = await generateKeyPair('ES256', { extractable: true })
  const jwks = { keys: [await exportJWK(publicKey)] }
  await register(url, place, 'prove', { token_endpoint_auth_method: 'private_key_jwt', jwks })
  const by = async (clientId: () => string): Promise<Guess> => {
    const requests = await wrongAssertionRequests(clientId, place.env.SIGNET_ISSUER ?? '')
    return (draw) => draw.pick(requests)
  }
  return {
    [UNKNOWN]: await by(() => lettersOf(random, 5)),
    'known client, wrong key': await by(() => 'prove'),
    'known client, which has a secret': await by(() => 'known'),
  }
}

interface Timings {
  samples: number
  /** Responses that were no refusal. */
  strange: number
  tookUs: Map<string, number[]>
}

/** The order is random, so that other work of the machine disturbs all guesses alike. */
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
    const { status, tookUs } = await stopwatch.time(Buffer.from(guess), name === LATE)
    if (status !== 401) timings.strange++
    if (round >= 0) timings.tookUs.get(name)?.push(tookUs)
    context.progress(`${round} of ${rounds} guesses`)
  }
  return timings
}

/** Compares the guesses at an unknown client with other guesses. */
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
    atLeast(`${kind}: samples of each`, least, timings.samples / 10),
    ...others.map((other) => {
      const { t, note } = pairOf(timings, other)
      return below(`… unknown client and ${other}: |t|`, t, MOST_T, '', note)
    }),
    exactly('… answers other than 401', timings.strange, 0),
  ]
}

/** Equal guesses must look equal, and delayed guesses must look different. */
function controlsOf(timings: Timings): Finding[] {
  const alike = pairOf(timings, SAME)
  const late = pairOf(timings, LATE)
  const found = `|t| ${late.t.toFixed(0)} (${late.note})`
  return [
    below('the same twice: |t|', alike.t, MOST_T, '', alike.note),
    control('the same 0.1 ms later', found, `|t| < ${MOST_T}`, late.t >= MOST_T),
  ]
}
