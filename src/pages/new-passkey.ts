/**
 * POST /invite/passkey/options and /invite/passkey, and the same of /signup: an account whose only factor is a passkey. The
 * challenge is bound to this browser, and used up in the write that makes the account.
 */
import { SignIns } from '../authorize/sign-ins.ts'
import { hashOf } from '../ground/secret-value.ts'
import { json, type Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import { StaleChallenge } from '../store/records/user.ts'
import {
  claimedChallenge,
  creationOptions,
  newChallenge,
  pendingCreation,
  readCreation,
  relyingParty,
  verifyCreation,
} from '../users/passkey.ts'
import { blankUser } from '../users/user.ts'
import { goOnJson } from './go-on.ts'
import {
  findFault,
  invitedBy,
  makeAccount,
  signInNew,
  signUp,
  typedIn,
  type NewAccountNeeds,
  type Source,
} from './new-account.ts'
import { refusePasskey } from './passkey-json.ts'
import type { FormError } from './views.ts'

/** @throws PageFault where nobody may make an account by it */
const sourceOf = (kind: Source['kind'], call: PageCall, needs: NewAccountNeeds): Source | Promise<Source> =>
  kind === 'invite' ? invitedBy(textIn(call)('token'), needs) : signUp(needs)

const textIn =
  ({ json: body }: PageCall) =>
  (name: string): string | undefined => {
    const value = body[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }

/** The owner of a challenge: this browser alone. */
const ownerOf = ({ cookies }: PageCall): string => `new account ${hashOf(cookies.login ?? '')}`

const refuseForm = ({ facts }: PageCall, { code, field }: FormError): Reply => {
  facts.error = code
  return json({ error: code, ...(field !== undefined && { field }) }, 422)
}

export const offerNewPasskey =
  (kind: Source['kind']) =>
  (needs: NewAccountNeeds) =>
  async (call: PageCall): Promise<Reply> => {
    const { store, config, issuer } = needs
    const source = await sourceOf(kind, call, needs)
    const typed = typedIn(textIn(call), source)
    const fault = findFault(typed, source, config) ?? (await findTaken(typed.username, source, needs))
    if (fault) return refuseForm(call, fault)
    const now = store.now()
    const challenge = newChallenge('create', now)
    const given = source.invitation?.person?.user ?? blankUser(undefined, now)
    const user = { ...given, username: typed.username, name: typed.name ?? given.name }
    await store.keepPending(pendingCreation(challenge, ownerOf(call), { handle: user.handle }, now))
    return json(creationOptions(relyingParty(issuer, config), challenge, user, []))
  }

async function findTaken(
  username: string,
  { invitation }: Source,
  { store }: NewAccountNeeds,
): Promise<FormError | undefined> {
  const holder = invitation?.person ? undefined : await store.findPerson({ username })
  return holder && { code: 'username_taken', field: 'username' }
}

export function takeNewPasskey(kind: Source['kind']): (needs: NewAccountNeeds) => (call: PageCall) => Promise<Reply> {
  return (needs) => {
    const signIns = new SignIns(needs)
    return async (call) => {
      const { config } = needs
      const source = await sourceOf(kind, call, needs)
      const typed = typedIn(textIn(call), source)
      const fault = findFault(typed, source, config)
      if (fault) return refuseForm(call, fault)
      const judged = await judge(call, needs)
      if ('refusal' in judged) return judged.refusal
      const made = await makeOrRefuse(call, typed, source, judged, needs)
      if ('refusal' in made) return made.refusal
      const { reached, headers } = await signInNew(call, made.person, [judged.kind, 'user'], { ...needs, signIns })
      const answer = goOnJson(call, reached, needs)
      return { ...answer, headers: [...answer.headers, ...headers] }
    }
  }
}

type Judged = {
  /** How the key is kept (RFC 8176). */
  kind: 'hwk' | 'swk'
  handle: string
  passkey: {
    record: Extract<Awaited<ReturnType<typeof verifyCreation>>, { outcome: 'verified' }>['proof']['passkey']
    challengeHash: string
  }
}

async function judge(call: PageCall, { store, issuer, config }: NewAccountNeeds): Promise<Judged | { refusal: Reply }> {
  const creation = readCreation(call.json.credential)
  if (!creation) return { refusal: refusePasskey(call, 'the body holds no credential') }
  const challenge = claimedChallenge(creation)
  const challengeHash = hashOf(challenge)
  const pending = await store.findPending('passkey_creation', challengeHash)
  const handle = pending?.facts.handle
  if (handle === undefined || pending?.owner !== ownerOf(call))
    return { refusal: refusePasskey(call, 'the challenge is over, or another browser’s') }
  const terms = { party: relyingParty(issuer, config), challenge, requireUserVerification: true }
  const verified = await verifyCreation(creation, terms)
  if (verified.outcome === 'refused') return { refusal: refusePasskey(call, verified.reason) }
  const { passkey: record, isHardware } = verified.proof
  return { kind: isHardware ? 'hwk' : 'swk', handle, passkey: { record, challengeHash } }
}

async function makeOrRefuse(
  call: PageCall,
  typed: Parameters<typeof makeAccount>[1],
  source: Source,
  { passkey, handle }: Judged,
  needs: NewAccountNeeds,
) {
  try {
    const made = await makeAccount(call, typed, source, { passkey, handle }, needs)
    return 'error' in made ? { refusal: refuseForm(call, made.error) } : made
  } catch (error) {
    if (error instanceof StaleChallenge) return { refusal: refusePasskey(call, 'the challenge was used meanwhile') }
    throw error
  }
}
