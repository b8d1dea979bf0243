/** The variables that configure Signet: their defaults, the accepted values, and the line that refuses any other. */
import { expect, test } from 'vitest'
import { Fault, readConfig } from '../src/index.ts'

/** The message of the refusal. */
function refusalOf(env: Record<string, string>): string {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof Fault) return error.message
    throw error
  }
  return expect.fail(`accepted: ${JSON.stringify(env)}`)
}

test('the quotas of a client are 1000 each, and can be set to any whole number from 1', () => {
  expect(readConfig({})).toMatchObject({ limitDenials: 1000, limitGrants: 1000 })
  const set = readConfig({ SIGNET_LIMIT_DENIALS: '5', SIGNET_LIMIT_GRANTS: '1' })
  expect(set).toMatchObject({ limitDenials: 5, limitGrants: 1 })
  for (const name of ['SIGNET_LIMIT_DENIALS', 'SIGNET_LIMIT_GRANTS'])
    for (const value of ['0', '-1', '1.5', '1e3', 'off'])
      expect(refusalOf({ [name]: value })).toBe(`${name}: read "${value}"; accepted: a whole number from 1 to 1000000`)
})

test('an idle connection is kept for 75 s, or as long as a load balancer needs', () => {
  expect(readConfig({}).keepAliveSeconds).toBe(75)
  expect(readConfig({ SIGNET_KEEP_ALIVE: '11m' }).keepAliveSeconds).toBe(660)
  for (const value of ['0', '0s', '2d', 'never', '75000ms'])
    expect(refusalOf({ SIGNET_KEEP_ALIVE: value })).toMatch(
      /^SIGNET_KEEP_ALIVE: read ".*"; accepted: a duration.*, from 1s to 1d$/,
    )
})
