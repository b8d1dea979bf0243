/** The exports of the package: the issuer as a value, to run inside another program or a test. */
export { systemClock, type Clock } from './ground/clock.ts'
export { readConfig } from './config/config.ts'
export type { Config } from './config/setting.ts'
export { Fault } from './ground/errors.ts'
export { openLog, type Log } from './ground/log.ts'
export { startIssuer, type RunningIssuer } from './service/server.ts'
