/**
 * The redemption of authorization codes (RFC 6749 §4.1.3, RFC 9700 §4.5). One write decides: of all attempts in all
 * processes one gets the grant, and a later attempt of the same client ends it.
 */
import { find, insertIfAbsent, time, together, update, type Act, type Engine } from '../engine.ts'
import type { TokenStore } from '../people-store.ts'
import { consents, oneTimeValues, sessionClients, sessions } from '../tables/people.ts'
import type { CodeOutcome, CodeRule, CodeVerdict, FoundCode, GrantPerson } from '../records/code.ts'
import type { Person } from '../records/user.ts'
import { record } from './audit.ts'
import { findGrant } from './grant-rows.ts'
import { createGrant, endWhole } from './grants.ts'
import { findOneTime } from './one-time.ts'
import { findPerson } from './people-rows.ts'

export const codeVerbs = (engine: Engine): TokenStore => ({
  findCode: (hash) => engine.read(() => findCode(hash)),
  redeemCode: (hash, decide) => engine.act(() => redeem(hash, decide)),
  findGrantPerson: (sid) => engine.read(() => findGrantPerson(sid)),
})

function* findCode(hash: string): Act<FoundCode | undefined> {
  const value = yield* findOneTime('code', hash)
  if (!value) return undefined
  const { userId, clientKey } = value.facts
  const [session, person, consent] = yield* together(
    find(sessions, { id: value.owner }),
    findPerson({ id: userId }),
    find(consents, { userId, clientKey }),
  )
  return { value, session, person, consent }
}

function* redeem(hash: string, decide: CodeRule): Act<CodeOutcome> {
  const code = yield* findCode(hash)
  if (!code) return { outcome: 'unknown' }
  const verdict = decide(code, yield* time())
  switch (verdict.act) {
    case 'wait':
      return { outcome: 'wait', sub: verdict.sub }
    case 'refuse':
      return { outcome: 'refused', error: verdict.error }
    case 'burn':
      yield* update(oneTimeValues, { kind: 'code', hash }, { usesLeft: 0, consumedAt: yield* time() })
      return { outcome: 'refused', error: verdict.error }
    case 'end':
      yield* endGiven(code, verdict)
      return { outcome: 'refused', error: verdict.error }
    case 'redeem':
      return yield* give(code, verdict)
  }
}

/** Ends the grant that a code has given, with everything that came of it. */
function* endGiven(
  { value }: FoundCode,
  { reason, deny, own, event }: Extract<CodeVerdict, { act: 'end' }>,
): Act<void> {
  const grant = value.outcome === null ? undefined : yield* findGrant(value.outcome)
  if (grant && (yield* endWhole(grant, reason, deny, own)) !== 'already') yield* record(event)
}

function* give(
  { value, person }: FoundCode,
  { grant, options, event }: Extract<CodeVerdict, { act: 'redeem' }>,
): Act<CodeOutcome> {
  const { hash, usesLeft, owner: sessionId, facts } = value
  if (!person) throw new Error('a code is redeemed for a person')
  const now = yield* time()
  const change = { usesLeft: usesLeft - 1, consumedAt: now, outcome: grant.sid }
  const [taken, { replaced, masterKeyId }] = yield* together(
    update(oneTimeValues, { kind: 'code', hash, usesLeft }, change),
    createGrant(grant, options, event),
    // Told when the session ends (OIDC Back-Channel Logout 1.0 §2.5).
    insertIfAbsent(sessionClients, { sessionId, clientId: grant.clientId, firstAt: now }),
  )
  if (taken !== 1) throw new Error('a code was taken twice in one state')
  return { outcome: 'redeemed', grant: { ...grant, masterKeyId }, person, facts, replaced }
}

function* findGrantPerson(sid: string): Act<GrantPerson | undefined> {
  const grant = yield* findGrant(sid)
  if (!grant || grant.signIn === null) return undefined
  const person: Person | undefined = yield* findPerson({ id: grant.sub })
  return person && { grant, person }
}
