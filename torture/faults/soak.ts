/**
 * All kinds of requests for a long time, while keys rotate each minute and all records expire and are swept. The memory
 * of the process and its files must not grow. The short form is too short to judge growth; it shows only failures.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Context, Fault } from '../fault.ts'
import { atLeast, below, exactly, skipped, type Finding } from '../finding.ts'
import { preparePlace } from '../place.ts'
import { Gauge, most, slopePerHour, type Sample } from '../soak/gauge.ts'
import { LIVES, RATE, SoakLoad, type Tally } from '../soak/load.ts'

/** MB per hour. In the half hour of the long form a single garbage collection changes the slope; in a day it hardly does. */
const flatFor = (seconds: number): number => Math.max(2, (12 * 3600) / seconds)
/** A run of so many seconds is long enough to judge growth. */
const JUDGED_FROM = 1200
const SAMPLES = 180

const ENV = {
  SIGNET_KEY_ROTATION: '1m',
  SIGNET_KEY_PREPUBLISH: '30s',
  SIGNET_JWKS_MAX_AGE: '10s',
  SIGNET_ACCESS_TOKEN_TTL: `${LIVES.access}s`,
  SIGNET_REFRESH_TOKEN_TTL: `${LIVES.refresh}s`,
  SIGNET_AUDIT_RETENTION: '5m',
}

const soakOver = (secondsOf: (context: Context) => number): Fault => ({
  name: 'soak',
  title: `soak: ${RATE} requests/s of everything, keys rotating each minute`,
  async run(context) {
    const seconds = secondsOf(context)
    const place = preparePlace(context, { env: ENV })
    const server = await place.start()
    const load = new SoakLoad(server.url, place, context.random)
    const gauge = process.platform === 'linux' ? new Gauge(server.pid, place.database) : undefined
    context.onEnd(() => gauge?.close())
    const ends = performance.now() + seconds * 1000
    const isOver = (): boolean => performance.now() >= ends
    const sampling = sample(context, gauge, seconds, isOver, load.tally)
    const [tally] = await Promise.all([load.run(isOver), sampling])
    return [...answered(tally, seconds), ...(gauge ? grown(gauge.samples, seconds) : [NOT_HERE])]
  },
})

const NOT_HERE = skipped('memory, files, database', 'read from /proc, which is Linux alone')

async function sample(
  context: Context,
  gauge: Gauge | undefined,
  seconds: number,
  isOver: () => boolean,
  tally: Tally,
) {
  while (!isOver()) {
    gauge?.take()
    context.progress(
      `${tally.answered} answers, ${tally.unexpected.length} unexpected ${tally.unexpected.at(-1) ?? ''}`,
    )
    await pause(Math.max(1000, (seconds * 1000) / SAMPLES))
  }
}

const answered = ({ sent, answered: count, repeated, unexpected }: Tally, seconds: number): Finding[] => [
  exactly(
    'unexpected answers',
    unexpected.length,
    0,
    [`${count} answers, ${repeated} after a second try`, ...unexpected.slice(0, 1)].join('; '),
  ),
  atLeast('requests sent', sent / seconds, RATE * 0.95, 'a second'),
]

function grown(samples: Sample[], seconds: number): Finding[] {
  const wal = below('journal, largest', most(samples, 'walMb'), 64, 'MB')
  const [first, last] = [samples[0], samples.at(-1)]
  if (!first || !last) return [wal]
  const from = (part: number) => samples.slice(Math.floor(samples.length * part))
  const slope = slopePerHour(from(1 / 3), 'rssMb')
  const memory = `${first.rssMb.toFixed(0)} MB, then ${last.rssMb.toFixed(0)} MB, at most ${most(samples, 'rssMb').toFixed(0)} MB`
  if (seconds < JUDGED_FROM) {
    return [wal, skipped('growth', `too short to judge; memory ${memory}, slope ${slope.toFixed(0)} MB/h`)]
  }
  const [middle, end] = [samples.slice(samples.length / 3, (samples.length * 2) / 3), from(2 / 3)]
  const growth = (figure: 'rows' | 'databaseMb') => most(end, figure) / most(middle, figure)
  return [
    wal,
    below('memory grows after the first third, in an hour', slope, flatFor(seconds), 'MB', memory),
    below('rows: last third to middle third', growth('rows'), 1.1, '', `at most ${most(end, 'rows')} rows`),
    below('database: last third to middle third', growth('databaseMb'), 1.1, '', `${last.databaseMb.toFixed(1)} MB`),
    below(
      'open files more in the last third',
      most(end, 'openFiles') - most(middle, 'openFiles'),
      6,
      '',
      `${last.openFiles}`,
    ),
    atLeast('signing keys that came and went', last.keys - first.keys, (seconds / 60) * 1.5),
  ]
}

export const soak = soakOver((context) => context.count(10, 1800))

/** Soaks for so many seconds. */
export const soakFor = (seconds: number): Fault => soakOver(() => seconds)
