/** The machine that the figures come from: figures without a machine mean nothing. */
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'

export const machine = () => ({
  cores: availableParallelism(),
  processor: cpus()[0]?.model ?? 'unknown',
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  system: `${type()} ${release()}`,
  node: process.version,
  date: new Date().toISOString(),
})

export function describeMachine(): string {
  const { cores, processor, memoryGiB, system, node, date } = machine()
  return `${cores} cores (${processor}), ${memoryGiB} GiB, ${system}, Node ${node}, ${date}`
}
