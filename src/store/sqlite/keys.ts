/** Signing keys. The unique indexes hold "one active, one next"; here the order of steps keeps to them. */
import { fromSeconds } from '../../ground/clock.ts'
import type { AuditEvent, NewBlacklistEntry, PromotionOutcome, RingId, SigningKeyRecord, Store } from '../store.ts'
import { and, asc, eq, inArray, lt, ne, sql } from './drizzle.ts'
import { assignmentsFor, placeholdersFor, type Database } from './database.ts'
import { signingKeys } from './schema.ts'

type KeyVerbs = Pick<
  Store,
  'listKeys' | 'findKey' | 'seedKeys' | 'promoteNextKey' | 'revokeKey' | 'reserveSigning' | 'retireKeys'
>

export interface KeyDependencies {
  appendAudit: (event: AuditEvent) => void
  appendEntry: (entry: NewBlacklistEntry) => unknown
}

export function keyVerbs(database: Database, { appendAudit, appendEntry }: KeyDependencies): KeyVerbs {
  const statements = prepareStatements(database)
  const steps = keySteps(database, statements)
  return {
    listKeys: () => database.read(() => statements.list.all()),
    findKey: (kid) => database.read(() => statements.find.get({ kid })),
    seedKeys: (id, keys, event) =>
      database.write(() => {
        if (steps.ring(id).some(({ status }) => status === 'active' || status === 'next')) return 'exists'
        for (const key of keys) statements.insert.run({ ...key })
        appendAudit(event)
        database.noteChange('key', null)
        return 'seeded'
      }),
    promoteNextKey: (id, spare, decide, event) =>
      database.write((): PromotionOutcome => {
        const ring = steps.ring(id)
        const verdict = decide(ring, database.now())
        if (verdict.act === 'wait') return { outcome: 'refused', safeFrom: verdict.safeFrom, reason: verdict.reason }
        const next = ring.find(({ status }) => status === 'next')
        if (!next) return { outcome: 'refused', safeFrom: null, reason: `there is no next ${id.alg} key` }
        const active = ring.find(({ status }) => status === 'active')
        if (active) steps.move(active, { status: 'retiring', deactivatedAt: database.now() })
        steps.activate(next)
        steps.publish(spare)
        appendAudit(event)
        database.noteChange('key', null)
        return { outcome: 'promoted', keys: steps.ring(id) }
      }),
    revokeKey: (kid, spare, deny, event) =>
      database.write(() => {
        const before = statements.find.get({ kid })
        if (!before) return { outcome: 'unknown' }
        if (before.status === 'revoked') return { outcome: 'already' }
        steps.discard(before, 'revoked')
        steps.fillPlaceOf(before, spare)
        appendEntry(deny(before, database.now()))
        appendAudit(event)
        database.noteChange('key', null)
        return { outcome: 'revoked', before }
      }),
    reserveSigning: (kid, until) =>
      database.write(() => (statements.reserve.run({ kid, until }).changes === 1 ? 'reserved' : 'gone')),
    retireKeys: (skewSeconds, eventFor) =>
      database.write(() => {
        const over = statements.over.all({ before: database.now() - fromSeconds(skewSeconds) })
        for (const key of over) {
          steps.discard(key, 'retired')
          appendAudit(eventFor(key.kid))
          database.noteChange('key', key.kid)
        }
        return over.map(({ kid }) => kid)
      }),
  }
}

/** Ends a resource's own ring, inside the write that deletes the resource. */
export function ringEnding(database: Database): (ring: string) => void {
  const end = database.sql
    .update(signingKeys)
    .set({ status: 'retired', sealedPrivateKey: '', deactivatedAt: sql`${sql.placeholder('now')}` })
    .where(and(eq(signingKeys.ring, sql.placeholder('ring')), ne(signingKeys.status, 'revoked')))
    .prepare()
  return (ring) => {
    if (end.run({ ring, now: database.now() }).changes > 0) database.noteChange('key', null)
  }
}

function keySteps(database: Database, statements: ReturnType<typeof prepareStatements>) {
  const ring = (id: RingId): SigningKeyRecord[] => statements.ring.all({ ring: id.ring, alg: id.alg })
  const move = (key: SigningKeyRecord, change: Partial<SigningKeyRecord>): void => {
    statements.move.run({ ...key, ...change })
  }
  const activate = (key: SigningKeyRecord): void => move(key, { status: 'active', activatedAt: database.now() })
  const publish = (spare: SigningKeyRecord): void => {
    statements.insert.run({ ...spare, status: 'next' })
  }
  return {
    ring,
    move,
    activate,
    publish,
    /** Takes a key out of use for good; its private half is gone with it. */
    discard: (key: SigningKeyRecord, status: 'retired' | 'revoked'): void =>
      move(key, { status, sealedPrivateKey: '', deactivatedAt: key.deactivatedAt ?? database.now() }),
    /** After a key was revoked: the published `next` signs instead of an active one, and `spare` becomes `next`. */
    fillPlaceOf: (revoked: SigningKeyRecord, spare: SigningKeyRecord): void => {
      const next = ring(revoked).find(({ status }) => status === 'next')
      if (revoked.status === 'active' && next) activate(next)
      if (revoked.status === 'next' || revoked.status === 'active') publish(spare)
    },
  }
}

function prepareStatements({ sql: database }: Database) {
  const one = eq(signingKeys.kid, sql.placeholder('kid'))
  const inOrder = [asc(signingKeys.createdAt), asc(signingKeys.kid)]
  const changeable = ['status', 'sealedPrivateKey', 'activatedAt', 'deactivatedAt'] as const
  const signedUntil = sql`max(${signingKeys.signedUntil}, ${sql.placeholder('until')})`
  return {
    list: database
      .select()
      .from(signingKeys)
      .orderBy(...inOrder)
      .prepare(),
    find: database.select().from(signingKeys).where(one).prepare(),
    ring: database
      .select()
      .from(signingKeys)
      .where(and(eq(signingKeys.ring, sql.placeholder('ring')), eq(signingKeys.alg, sql.placeholder('alg'))))
      .orderBy(...inOrder)
      .prepare(),
    insert: database.insert(signingKeys).values(placeholdersFor(signingKeys)).prepare(),
    move: database.update(signingKeys).set(assignmentsFor(signingKeys, changeable)).where(one).prepare(),
    reserve: database
      .update(signingKeys)
      .set({ signedUntil })
      .where(and(one, inArray(signingKeys.status, ['active', 'retiring'])))
      .prepare(),
    over: database
      .select()
      .from(signingKeys)
      .where(and(eq(signingKeys.status, 'retiring'), lt(signingKeys.signedUntil, sql.placeholder('before'))))
      .prepare(),
  }
}
