/** Resident memory of every side after all cases that use it. */
import type { Bench } from '../bench.ts'
import { goalOf, type Finding } from '../finding.ts'

const MOST_MIB = 150

export async function memory(bench: Bench): Promise<Finding> {
  const resident = (await bench.side('signet')).residentMiB()
  const sides = await bench.started()
  return {
    rows: [],
    goals: [
      goalOf(5, `resident memory after the run ≤ ${MOST_MIB} MiB`, `${resident.toFixed(0)} MiB`, resident <= MOST_MIB),
    ],
    facts: sides.map((side) => ({
      what: `resident memory: ${side.name}`,
      found: `${side.residentMiB().toFixed(0)} MiB`,
    })),
  }
}
