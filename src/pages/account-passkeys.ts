/**
 * /account/passkeys: a person's passkeys are listed, added, renamed and removed. A passkey is made by the page's script,
 * which speaks JSON; everything else works without it.
 */
import { hashOf } from '../ground/secret-value.ts'
import { basePath } from '../http/endpoint-url.ts'
import { PageFault } from '../http/page-fault.ts'
import { json, type Outcome } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import { mayLose, passkeyMethods } from '../authorize/assurance.ts'
import type { Person } from '../store/records/user.ts'
import {
  claimedChallenge,
  creationOptions,
  newChallenge,
  passkeyDetails,
  pendingCreation,
  readCreation,
  relyingParty,
  verifyCreation,
  type Creation,
  type MadePasskey,
} from '../users/passkey.ts'
import { passkeySignals } from '../users/passkey-signals.ts'
import { ownerOf, raisedBy, type AccountFactorNeeds } from './account-factors.ts'
import { seeOther } from './html.ts'
import { refusePasskey } from './passkey-json.ts'
import { actorOf, noticeOf, ownFrame, ownView } from './account-page.ts'
import { plainLine } from './plain-text.ts'
import { requireFreshSession, requireSession, type SignedIn } from './session.ts'
import { show } from './show.ts'
import { passkeysPage } from './templates/factors.ts'
import type { FormError } from './views.ts'

const PATH = '/account/passkeys'
const MOST_PASSKEYS = 50
const MOST_NAME_CHARACTERS = 64

export const showPasskeys =
  (needs: AccountFactorNeeds) =>
  async (call: PageCall): Promise<Outcome> =>
    answer(call, needs, await requireSession(call, needs, PATH))

async function answer(
  call: PageCall,
  needs: AccountFactorNeeds,
  signedIn: SignedIn,
  error?: FormError,
): Promise<Outcome> {
  const frame = ownFrame(call, signedIn, needs)
  const passkeys = await needs.store.listPasskeys(signedIn.person.user.id)
  const notice = noticeOf(call, ['passkey_added', 'passkey_removed', 'passkey_renamed'])
  const view = { ...ownView(signedIn, needs), notice, error, passkeys }
  return show(frame, passkeysPage(frame, view))
}

const addressOf = ({ issuer }: AccountFactorNeeds, query = ''): string => `${basePath(issuer)}${PATH}${query}`

/** Options for a new passkey. The challenge belongs to the session. */
export const offerCreation =
  (needs: AccountFactorNeeds) =>
  async (call: PageCall): Promise<Outcome> => {
    const { person, session } = await requireFreshSession(call, needs, PATH)
    const now = needs.clock.now()
    const challenge = newChallenge('create', now)
    await needs.store.keepPending(pendingCreation(challenge, session.id, {}, now))
    const present = await needs.store.listPasskeys(person.user.id)
    return json(creationOptions(relyingParty(needs.issuer, needs.config), challenge, person.user, present))
  }

/** Hints for the keeper of the passkeys: which of them are still good, and the person's names (WebAuthn §5.1.10). */
export const tellSignals =
  (needs: AccountFactorNeeds) =>
  async (call: PageCall): Promise<Outcome> => {
    const { person } = await requireSession(call, needs, PATH)
    const passkeys = await needs.store.listPasskeys(person.user.id)
    return json(passkeySignals(relyingParty(needs.issuer, needs.config), person.user, passkeys))
  }

export const changePasskeys =
  (needs: AccountFactorNeeds) =>
  async (call: PageCall): Promise<Outcome> => {
    const signedIn = await requireFreshSession(call, needs, PATH)
    if (Object.keys(call.json).length > 0) return add(call, needs, signedIn)
    switch (call.sent.get('action') ?? '') {
      case 'remove-passkey':
        return remove(call, needs, signedIn)
      case 'rename-passkey':
        return rename(call, needs, signedIn)
      default:
        return seeOther(addressOf(needs))
    }
  }

async function add(call: PageCall, needs: AccountFactorNeeds, signedIn: SignedIn): Promise<Outcome> {
  const creation = readCreation(call.json.credential ?? call.json)
  if (!creation) return refusePasskey(call, 'the body holds no new credential')
  const verdict = await judge(creation, needs, signedIn)
  if (verdict.outcome === 'refused') return refusePasskey(call, verdict.reason)
  const passkey = { ...verdict.proof.passkey, ...nameOf(call.json.name) }
  const by = { ...actorOf(signedIn, call), details: passkeyDetails(passkey) }
  const event = needs.audit.event('passkey.added', signedIn.person.user.id, by)
  const challengeHash = hashOf(claimedChallenge(creation))
  const { raised, headers } = raisedBy(passkeyMethods(verdict.proof), signedIn, needs)
  const addition = { ...ownerOf(signedIn), challengeHash, passkey, raised, most: MOST_PASSKEYS }
  const added = await needs.store.addPasskey(addition, event)
  if (added !== 'added') return refusePasskey(call, REFUSALS[added], added === 'taken' ? 409 : 400)
  return json({ location: addressOf(needs, '?done=passkey_added') }, 200, headers)
}

const REFUSALS = {
  gone: 'the session has ended',
  challenge: 'the challenge was used, is over, or was given to another session',
  taken: 'the credential is registered already',
  too_many: `a person has at most ${MOST_PASSKEYS} passkeys`,
}

/** The challenge that the response claims is judged in the write, which uses it up. */
function judge(creation: Creation, needs: AccountFactorNeeds, { person }: SignedIn) {
  return verifyCreation(creation, {
    party: relyingParty(needs.issuer, needs.config),
    challenge: claimedChallenge(creation),
    // Without a password the passkey is the only factor.
    requireUserVerification: !hasPassword(person, needs),
  })
}

const hasPassword = ({ user }: Person, { config }: Pick<AccountFactorNeeds, 'config'>): boolean =>
  config.passwords && user.passwordHash !== null

function nameOf(given: unknown): Partial<Pick<MadePasskey['passkey'], 'name'>> {
  const name = typeof given === 'string' ? plainLine(given).slice(0, MOST_NAME_CHARACTERS).trim() : ''
  return name === '' ? {} : { name }
}

async function remove(call: PageCall, needs: AccountFactorNeeds, signedIn: SignedIn): Promise<Outcome> {
  const id = call.sent.get('id') ?? ''
  const details = { passkey: id.slice(0, 64) }
  const event = needs.audit.event('passkey.removed', signedIn.person.user.id, { ...actorOf(signedIn, call), details })
  const mayRemove = (person: Person) => mayLose('passkey', person, needs.config)
  const outcome = await needs.store.removePasskey(ownerOf(signedIn), id, mayRemove, event)
  if (outcome === 'unknown') throw new PageFault('not_found', 404, { reason: 'no passkey of this person has the id' })
  if (outcome === 'last') return answer(call, needs, signedIn, { code: 'last_factor' })
  return seeOther(addressOf(needs, '?done=passkey_removed'))
}

async function rename(call: PageCall, needs: AccountFactorNeeds, signedIn: SignedIn): Promise<Outcome> {
  const id = call.sent.get('id') ?? ''
  const { name } = nameOf(call.sent.get('name'))
  if (name === undefined) return answer(call, needs, signedIn, { code: 'invalid_value', field: 'name' })
  const details = passkeyDetails({ id, name })
  const event = needs.audit.event('passkey.renamed', signedIn.person.user.id, { ...actorOf(signedIn, call), details })
  const outcome = await needs.store.renamePasskey(ownerOf(signedIn), id, name, event)
  if (outcome === 'unknown') throw new PageFault('not_found', 404, { reason: 'no passkey of this person has the id' })
  return seeOther(addressOf(needs, '?done=passkey_renamed'))
}
