/**
 * A stop does not wait until everything is deleted that is due: after a shorter SIGNET_AUDIT_RETENTION that can be millions
 * of rows.
 *
 * Not again on PostgreSQL: each run opens every kind of database.
 */
import { describe, expect, test } from 'vitest'
import { sweep } from '../src/service/housekeeping.ts'
import { PLACES } from './support/store-places.ts'
import { clock, eventOf, HOUR } from './support/store-records.ts'

const EVENTS = 1000

describe.each(PLACES)('%s: the sweep', (_, newPlace) => {
  const due = async () => {
    const store = await newPlace().open()
    await store.recordAudit(Array.from({ length: EVENTS }, () => eventOf('old')))
    clock.pass(HOUR)
    const left = async () => (await store.listAudit({ limit: 2 * EVENTS })).length
    return { needs: { store, config: { auditRetentionSeconds: 1 } }, left }
  }

  test('goes on until nothing is left', async () => {
    const { needs, left } = await due()
    await sweep(needs, new AbortController().signal)
    expect(await left()).toBe(0)
  })

  test('ends with the transaction under way when the service stops', async () => {
    const { needs, left } = await due()
    const stopping = new AbortController()
    const sweeping = sweep(needs, stopping.signal)
    stopping.abort()
    await sweeping
    expect(await left()).toBeGreaterThan(EVENTS / 2)
    expect(await left()).toBeLessThan(EVENTS)
  })
})
