/**
 * An issuer as a process of its own, begun by `world.ts`: configured by its environment, its clock moved by
 * messages, each of which is answered. It ends with its parent.
 */
import { openLog, readConfig, startIssuer } from '../../src/index.ts'
import { HeldClock } from './held-clock.ts'

const { CLOCK_PASSED = '0', ...outside } = process.env
const env = Object.fromEntries(Object.entries(outside).filter(([name]) => name.startsWith('SIGNET_')))
const clock = new HeldClock()
clock.passed = Number(CLOCK_PASSED)

process.on('message', (passed: number) => {
  clock.passed = passed
  process.send?.('moved')
})
process.on('disconnect', () => process.exit(1))
const issuer = await startIssuer(readConfig(env), { clock, log: openLog({ level: 'error', format: 'json' }) })
process.once('SIGTERM', () => void issuer.stop().then(() => process.exit(0)))
process.send?.(issuer.url)
