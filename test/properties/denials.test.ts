/**
 * No token is accepted after its denial was answered, at the issuer or by a verifier that follows the blacklist, for as
 * long as the token lives; only the act that lifts that very denial ends it.
 */
import { test } from 'vitest'
import { followerOf } from '../support/acceptance.ts'
import type { TestIssuer } from '../support/issuer.ts'
import { assertAll } from '../support/property.ts'
import { registered, startWithApi } from '../support/shared.ts'
import { holdWriteLock } from '../support/write-lock.ts'
import { DenialRun, type Step, type World } from './denial-run.ts'
import { steps, TELLING } from './denial-sequences.ts'

/** Sequences in the suite stop at the time limit; `SIGNET_TEST_DENIAL_RUNS=5000` runs that many, however long it takes. */
const RUNS = Number(process.env.SIGNET_TEST_DENIAL_RUNS ?? '0')
const SUITE_MS = 18_000

test(
  'no token is accepted after its denial was answered, for as long as it lives',
  async () => {
    const first = await startWithApi()
    let issuer: TestIssuer = first
    const world: World = {
      issuer,
      addresses: () => [issuer.url],
      operator: first.operator,
      follower: followerOf(first),
      observer: await registered(first),
      restart: async () => void (issuer = await issuer.restart()),
      lock: () => holdWriteLock(issuer),
      pass: (seconds) => issuer.clock.advance(seconds),
      heardWithinMs: 0,
    }
    const holds = async (sequence: Step[]): Promise<void> => {
      const run = await DenialRun.start(world)
      for (const step of sequence) await run.do(step)
      await run.finish()
    }
    const length = RUNS > 0 ? { numRuns: RUNS } : { numRuns: 10_000, interruptAfterTimeLimit: SUITE_MS }
    await assertAll(steps, holds, { ...length, examples: TELLING.map((each) => [each]) })
  },
  RUNS > 0 ? RUNS * 5000 : undefined,
)
