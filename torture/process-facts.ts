/** What Linux tells about a process. Elsewhere there is nothing to read, and nothing is told. */
import { existsSync, readFileSync } from 'node:fs'

/** The processes that another has started, as `/proc` of Linux tells; none elsewhere. */
export function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`
  return existsSync(file) ? readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number) : []
}

/** proc(5): user and system time are the 14th and 15th field, in ticks of 10 ms. */
export function cpuMsOf(pid: number): number {
  const file = `/proc/${pid}/stat`
  if (!existsSync(file)) return NaN
  const fields = readFileSync(file, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}
