/** What the package exports: the issuer as a value, to run inside another program or a test. */
export { systemClock, type Clock } from './clock.ts'
export { readConfig, type Config } from './config.ts'
export { Fault } from './errors.ts'
export { openLog, type Log } from './log.ts'
export { startIssuer, type RunningIssuer } from './server.ts'
