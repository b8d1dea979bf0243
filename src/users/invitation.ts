/**
 * Invitations: links by which people make accounts of their own, or take over one that was made for them. A link is used
 * up in the write that makes the account.
 */
import type { Actor, AuditTrail } from '../audit.ts'
import type { Instant } from '../ground/clock.ts'
import { conflict, invalidRequest, notFound } from '../ground/errors.ts'
import { hashOf } from '../ground/secret-value.ts'
import { shell } from '../ground/shell-word.ts'
import type { Recording } from '../store/records/audit.ts'
import type { Page } from '../store/records/facts.ts'
import type { InvitationFacts, OneTimeRecord } from '../store/records/one-time.ts'
import { carriesOwnPermission, type Person, type UserRecord } from '../store/records/user.ts'
import type { Store } from '../store/store.ts'
import { newLink, type LinkTerms, type ShownLink } from './link.ts'
import { OPERATORS } from './person.ts'
import type { LinkRefusal } from './refusals.ts'
import { mayChangeMembers } from './rights.ts'
import { emailKeyOf, findEmailFault, withLowerDomain } from './username.ts'

interface Needs {
  issuer: string
  store: Store
  audit: AuditTrail
}

export interface WantedInvitation {
  /** The address of the new account, which nobody can change who uses the link. */
  email?: string | undefined
  groups?: string[] | undefined
  /** Whether the new person is an operator. */
  admin?: boolean | undefined
  uses?: number | undefined
  ttlSeconds?: number | undefined
}

export const USUAL_INVITATION = 7 * 86_400
const LONGEST_INVITATION = 365 * 86_400
export const MOST_USES = 10_000

/** A link as it was found: it can be used, or why not. */
export type FoundInvitation =
  | { state: 'good'; hash: string; facts: InvitationFacts; person: Person | undefined; expiresAt: Instant }
  | { state: LinkRefusal['state'] }

/** An invitation that is still to be stored. */
export interface NewInvitation {
  shown: ShownLink
  link: OneTimeRecord<'invitation'>
  event: Recording
}

type InvitationTerms = Omit<LinkTerms<'invitation'>, 'kind'>

function newInvitation(terms: InvitationTerms, by: Actor, { issuer, store, audit }: Needs): NewInvitation {
  const { url, record: link } = newLink({ ...terms, kind: 'invitation' }, issuer, store.now())
  const { uses, ttlSeconds, facts } = terms
  const details = { uses, ttl_seconds: ttlSeconds, groups: facts.groups.join(' ') }
  const event = audit.event('invitation.created', link.id, { ...by, details })
  return { shown: { id: link.id, url, expiresAt: link.expiresAt }, link, event }
}

/** The invitation by which a person takes over an account that is made for them. */
export function invitationFor({ id, email }: Pick<UserRecord, 'id' | 'email'>, by: Actor, needs: Needs): NewInvitation {
  const facts: InvitationFacts = { email, groups: [], isTrusted: false, createdBy: by.id }
  return newInvitation({ owner: id, facts, uses: 1, ttlSeconds: USUAL_INVITATION }, by, needs)
}

export class Invitations {
  readonly #needs: Needs

  constructor(needs: Needs) {
    this.#needs = needs
  }

  /**
   * @throws OAuthError `invalid_request`; 409 for an address that a user has; 403 where it would make an operator, and
   * the actor is no administrator
   */
  async create(wanted: WantedInvitation, by: Actor): Promise<ShownLink> {
    const { email, uses = 1, ttlSeconds = USUAL_INVITATION } = wanted
    const fault = email === undefined ? undefined : findEmailFault(email)
    if (fault !== undefined) throw invalidRequest(`email: ${fault}`)
    if (!Number.isInteger(uses) || uses < 1 || uses > MOST_USES) throw invalidRequest(`uses: from 1 to ${MOST_USES}`)
    if (email !== undefined && uses > 1) throw invalidRequest('uses: an invitation for one address is used once')
    const groups = [...new Set([...(wanted.groups ?? []), ...(wanted.admin ? [OPERATORS] : [])])]
    const isTrusted = await this.#judgeGroups(groups, by)
    const facts: InvitationFacts = {
      email: email === undefined ? null : withLowerDomain(email),
      groups,
      isTrusted,
      createdBy: by.id,
    }
    const holder = email === undefined ? undefined : await this.findHolder(email)
    if (holder)
      throw conflict(
        `email: user ${holder.user.username} has this address already; a way in for that user: signet user link ${shell(holder.user.username)}`,
      )
    if (ttlSeconds < 1 || ttlSeconds > LONGEST_INVITATION) throw invalidRequest('ttl: from 1s to 365d')
    const { store } = this.#needs
    const { shown, link, event } = newInvitation({ owner: '', facts, uses, ttlSeconds }, by, this.#needs)
    await store.addLink(link, event)
    return shown
  }

  /** The person who signs in by an address. No invitation for it makes an account. */
  findHolder(email: string): Promise<Person | undefined> {
    return this.#needs.store.findPerson({ emailKey: emailKeyOf(email) })
  }

  /** @returns whether a group gives rights in Signet, which then an administrator has given */
  async #judgeGroups(groups: string[], by: Actor): Promise<boolean> {
    let isTrusted = false
    for (const name of groups) {
      const group = await this.#needs.store.findGroup(name)
      if (!group) throw invalidRequest(`groups: group ${JSON.stringify(name)} does not exist`, { isOfRecords: true })
      mayChangeMembers(by)(group)
      isTrusted ||= carriesOwnPermission(group)
    }
    return isTrusted
  }

  /** Those that can be used. */
  list(page: Page): Promise<OneTimeRecord<'invitation'>[]> {
    return this.#needs.store.listInvitations(page)
  }

  /** @throws OAuthError 404 for one that is not there, or that is used up */
  async revoke(id: string, by: Actor): Promise<OneTimeRecord<'invitation'>> {
    const { store, audit } = this.#needs
    const revoked = await store.revokeInvitation(id, audit.event('invitation.revoked', id, by))
    if (!revoked) throw notFound('this invitation')
    return revoked
  }

  /** Looks at a link without using it up: mail scanners look at links too. */
  async find(token: string): Promise<FoundInvitation> {
    const { store } = this.#needs
    const hash = hashOf(token)
    const link = await store.findLink('invitation', hash)
    if (!link) return { state: 'unknown' }
    if (link.usesLeft <= 0) return { state: 'used' }
    if (store.now() >= link.expiresAt) return { state: 'expired' }
    const person = link.owner === '' ? undefined : await store.findPerson({ id: link.owner })
    if (link.owner !== '' && (!person || person.user.disabledAt !== null)) return { state: 'unknown' }
    return { state: 'good', hash, facts: link.facts, person, expiresAt: link.expiresAt }
  }
}
