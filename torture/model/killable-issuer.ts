/**
 * An issuer in a process of its own, started by `world.ts`. Its environment configures it; messages advance its clock,
 * and it answers each of them. It ends with its parent.
 */
import { movableClock } from '../../harness/clock.ts'
import { startInProcess } from '../../harness/in-process.ts'

const { CLOCK_FROM = '0', ...outside } = process.env
// Every value of an environment is a text.
const env = Object.fromEntries(Object.entries(outside).filter(([name]) => name.startsWith('SIGNET_'))) as Record<
  string,
  string
>
const clock = movableClock({ from: Number(CLOCK_FROM) })

process.on('message', (seconds: number) => {
  clock.advance(seconds)
  process.send?.('moved')
})
process.on('disconnect', () => process.exit(1))
const issuer = await startInProcess(env, { clock })
process.once('SIGTERM', () => void issuer.stop().then(() => process.exit(0)))
process.send?.(issuer.url)
