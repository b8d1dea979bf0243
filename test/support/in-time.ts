/** Promises in seconds, on machines that do other work too. */
import { availableParallelism, loadavg } from 'node:os'

/**
 * The time that a promise may take here, in the unit of the promise. Where several processes want each core, everything takes
 * as many times as long, and nothing would be learnt from a shorter bound.
 */
export const inTime = (promised: number): number => promised * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism())
