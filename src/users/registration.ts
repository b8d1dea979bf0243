/**
 * The acts on users: create, change, disable, enable, delete, set a password, take factors away, and a link for whoever is
 * locked out. The admin API and the command line perform them one at a time; pages perform some in the person's own name.
 */
import type { Actor, AuditTrail } from '../audit.ts'
import type { Instant } from '../ground/clock.ts'
import { conflict, invalidRequest, notFound, OAuthError } from '../ground/errors.ts'
import { shell } from '../ground/shell-word.ts'
import type { Page } from '../store/records/facts.ts'
import type {
  LostFactors,
  PasskeyRecord,
  PasswordOrigin,
  Person,
  PersonFilter,
  UserChange,
  UserObstacle,
  UserRecord,
  UserTerms,
} from '../store/records/user.ts'
import type { OperationOf, Store } from '../store/store.ts'
import { denyLost, endingOf } from './ending.ts'
import { newLink } from './link.ts'
import type { Passwords } from './password.ts'
import { mayChangeMembers, requireRightOver } from './rights.ts'
import { blankUser, changedUser, requireSoundUser, type UserMetadata } from './user.ts'

interface Needs {
  issuer: string
  store: Store
  audit: AuditTrail
  passwords: Passwords
  /** Sends owed logout tokens now. */
  deliver(): void
}

export interface WantedUser extends UserMetadata {
  username: string
  id?: string | undefined
  password?: string | undefined
}

/** A one-time link, shown once. */
export interface ShownLink {
  id: string
  url: string
  expiresAt: Instant
}

/** What an act needs beside its actor. */
export interface Terms {
  /** The session in which the person acts on the own account: once it is over, nothing is changed. */
  inSession?: string
  /** The network of the caller, for the queue of hashes; empty for the operator. */
  network?: string
  origin?: PasswordOrigin
  /** The hash of the invitation that the act uses up. */
  invitation?: string | undefined
  passkey?: UserTerms['passkey']
  /** WebAuthn's `user.id`, where a passkey was made with it already. */
  handle?: string | undefined
  /** Whether the invitation was given by an administrator, so that its groups may give rights in Signet. */
  isTrusted?: boolean
  details?: Record<string, string | number | boolean | null>
}

/** The longest life of a sign-in link, and the usual one. Seconds. */
const LONGEST_LINK = 7 * 86_400
export const USUAL_LINK = 900

/** What a change of a user rests on inside the write. */
function termsOf(
  groups: string[] | undefined,
  by: Actor,
  { invitation, passkey, inSession, isTrusted = false }: Terms,
  id: string,
): UserTerms {
  const deny = denyLost(by)
  return {
    groups,
    inSession,
    invitation,
    passkey,
    mayChangeMembers: isTrusted ? () => {} : mayChangeMembers(by),
    deny: (moment) => deny(id, moment),
  }
}

/** The operations on users, which a declarative file performs together with others. */
export class UserOperations {
  readonly #audit: AuditTrail

  constructor(audit: AuditTrail) {
    this.#audit = audit
  }

  /** The operation that adds a sound user of the declarative file. */
  creation(user: UserRecord, groups: string[], by: Actor): OperationOf<'createUser'> {
    const event = this.#audit.event('user.created', user.id, by)
    return { verb: 'createUser', needs: [user, termsOf(groups, by, {}, user.id), event] }
  }

  /** The operation that changes a user by the declarative file. @param passwordHash of a user who has no password */
  change(
    id: string,
    { groups, ...metadata }: UserMetadata,
    passwordHash: string | undefined,
    by: Actor,
  ): OperationOf<'changeUser'> {
    const details = { changed: Object.keys({ ...metadata, ...(groups && { groups }) }).join(' ') }
    const event = this.#audit.event('user.updated', id, { ...by, details })
    const decide = ({ user: current }: Person, now: Instant): UserChange => {
      const user = { ...changedUser(current, metadata), updatedAt: now }
      requireSoundUser(user)
      if (passwordHash !== undefined && current.passwordHash === null) givePassword(user, passwordHash, 'file', now)
      return { ...termsOf(groups, by, {}, id), user, event }
    }
    return { verb: 'changeUser', needs: [id, decide] }
  }
}

export class UserRegistry {
  readonly #needs: Needs

  constructor(needs: Needs) {
    this.#needs = needs
  }

  /** @throws OAuthError `invalid_request`; 409 where a name is taken */
  async create(wanted: WantedUser, by: Actor, terms: Terms = {}): Promise<Person> {
    const { store, audit } = this.#needs
    const { id, password, groups = [], ...metadata } = wanted
    const user = changedUser(blankUser(id, store.now()), metadata)
    if (terms.handle !== undefined) user.handle = terms.handle
    requireSoundUser(user)
    if (password !== undefined) await this.#give(user, password, terms)
    const event = audit.event('user.created', user.id, { ...by, details: terms.details ?? {} })
    const created = await store.createUser(user, termsOf(groups, by, terms, user.id), event)
    if (created.outcome !== 'created') throw refusalOf(created, user)
    return created.person
  }

  async #give(user: UserRecord, password: string, { network = '', origin = 'operator' }: Terms): Promise<void> {
    user.passwordHash = await this.#needs.passwords.choose(password, user, network)
    user.passwordOrigin = origin
    user.passwordChangedAt = user.createdAt
  }

  /** The person takes over an account that was made for them, by the link that an operator has sent. */
  async takeOver(
    person: Person,
    { password, name }: { password?: string | undefined; name?: string | undefined },
    by: Actor,
    terms: Terms,
  ): Promise<Person> {
    const { passwords } = this.#needs
    const { user } = person
    const passwordHash = password === undefined ? undefined : await passwords.choose(password, user, terms.network)
    return this.#change(user.id, 'user.taken_over', by, { ...terms, isTrusted: true }, (current, now) => ({
      user: {
        ...(passwordHash !== undefined && { passwordHash, passwordOrigin: 'person', passwordChangedAt: now }),
        ...(terms.handle !== undefined && { handle: terms.handle }),
        name: name ?? current.name,
        mustChangePassword: false,
        updatedAt: now,
      },
    }))
  }

  /** The person of this id. @throws OAuthError 404 */
  async get(id: string): Promise<Person> {
    const person = await this.#needs.store.findPerson({ id })
    if (!person) throw notFound('this user')
    return person
  }

  /** @param name an id, a user name or a verified address */
  findNamed(name: string): Promise<Person | undefined> {
    return this.#needs.store.findPersonNamed(name)
  }

  list(filter: PersonFilter, page: Page): Promise<Person[]> {
    return this.#needs.store.listPersons(filter, page)
  }

  /** Absent members stay as they are. */
  async update(id: string, { groups, ...metadata }: UserMetadata, by: Actor, terms: Terms = {}): Promise<Person> {
    const changed = Object.entries({ ...metadata, groups }).flatMap(([name, value]) =>
      value === undefined ? [] : [name],
    )
    const details = { changed: changed.join(' ') }
    return this.#change(id, 'user.updated', by, { ...terms, details, groups }, (current, now) => {
      const user = { ...changedUser(current, metadata), updatedAt: now }
      requireSoundUser(user)
      return { user }
    })
  }

  /** Ends everything that the person has, and refuses the person everything, until the person is enabled. */
  disable(id: string, by: Actor): Promise<Person> {
    const ending = endingOf('disabled', id, { by, audit: this.#needs.audit })
    return this.#change(id, 'user.disabled', by, {}, (current, now) => ({
      user: { disabledAt: current.disabledAt ?? now, updatedAt: now },
      // A second entry would have to be lifted as well.
      ...(current.disabledAt === null && { ending }),
    }))
  }

  /** Undoes `disable`. What has ended stays ended, and so do entries that were posted for the person. */
  enable(id: string, by: Actor): Promise<Person> {
    return this.#change(id, 'user.enabled', by, {}, (_, now) => ({
      user: { disabledAt: null, updatedAt: now },
      isEnabling: true,
    }))
  }

  async delete(id: string, by: Actor): Promise<Person> {
    const { store, audit, deliver } = this.#needs
    const ending = (person: Person) => {
      requireRightOver(person, by)
      return endingOf('deleted', id, { by, audit })
    }
    const deleted = await store.deleteUser(id, ending, audit.event('user.deleted', id, by))
    if (deleted.outcome === 'unknown') throw notFound('this user')
    deliver()
    return deleted.person
  }

  /** Sets a password that an operator gives. All sessions and grants of the person end. */
  async setPassword(id: string, password: string, by: Actor, { mustChange = false } = {}): Promise<Person> {
    const { audit, passwords } = this.#needs
    const { user } = await this.get(id)
    const passwordHash = await passwords.choose(password, user)
    const ending = endingOf('reset', id, { by, audit })
    return this.#change(id, 'user.password_set', by, {}, (_, now) => ({
      user: {
        passwordHash,
        passwordOrigin: 'operator',
        passwordChangedAt: now,
        mustChangePassword: mustChange,
        updatedAt: now,
      },
      ending,
    }))
  }

  /**
   * Sets a password that the person has chosen. The person's other sessions end.
   * @param except the session in which it is done
   */
  async choosePassword(id: string, password: string, by: Actor, terms: Terms & { except?: string }): Promise<Person> {
    const { audit, passwords } = this.#needs
    const { user } = await this.get(id)
    const passwordHash = await passwords.choose(password, user, terms.network)
    const ending = endingOf('chosen', id, { by, audit, except: terms.except })
    return this.#change(id, 'user.password_changed', by, terms, (_, now) => ({
      user: {
        passwordHash,
        passwordOrigin: 'person',
        passwordChangedAt: now,
        mustChangePassword: false,
        updatedAt: now,
      },
      ending,
    }))
  }

  listPasskeys(id: string): Promise<PasskeyRecord[]> {
    return this.#needs.store.listPasskeys(id)
  }

  /** Takes factors away; the password stays. @throws OAuthError 404 for a factor that the person does not have */
  async removeFactors(id: string, lost: LostFactors, by: Actor): Promise<Person> {
    const known = 'passkeyId' in lost ? await this.listPasskeys(id) : []
    if ('passkeyId' in lost && !known.some((each) => each.id === lost.passkeyId))
      throw notFound('this passkey of the person')
    const details = 'passkeyId' in lost ? { passkey: lost.passkeyId } : { factors: 'all' in lost ? 'all' : 'totp' }
    return this.#change(id, 'user.factor_removed', by, { details }, (_, now) => ({
      user: { updatedAt: now },
      loses: lost,
    }))
  }

  /** A one-time link that signs the person in. It ends the links that were made before. */
  async link(id: string, by: Actor, ttlSeconds: number = USUAL_LINK): Promise<ShownLink> {
    const { store, audit, issuer } = this.#needs
    if (ttlSeconds < 1 || ttlSeconds > LONGEST_LINK) throw invalidRequest('ttl: from 1s to 7d')
    const person = await this.get(id)
    requireRightOver(person, by)
    if (person.user.disabledAt !== null) throw conflict('this user is disabled: enable the user first')
    const { url, record } = newLink(
      { kind: 'sign_in_link', owner: id, facts: {}, uses: 1, ttlSeconds },
      issuer,
      store.now(),
    )
    const event = audit.event('user.link_made', id, { ...by, details: { ttl_seconds: ttlSeconds } })
    if ((await store.addLink(record, event)) === 'unknown') throw notFound('this user')
    return { id: record.id, url, expiresAt: record.expiresAt }
  }

  /** Asks `make` inside the write. @throws OAuthError 404, 403, or 409 */
  async #change(
    id: string,
    action: string,
    by: Actor,
    { details = {}, groups, ...terms }: Terms & { groups?: string[] | undefined },
    make: (current: UserRecord, now: Instant) => Omit<UserChange, keyof UserTerms | 'event'>,
  ): Promise<Person> {
    const { store, audit, deliver } = this.#needs
    const event = audit.event(action, id, { ...by, details })
    const changed = await store.changeUser(id, (person, now) => {
      if (!terms.isTrusted) requireRightOver(person, by)
      return { ...termsOf(groups, by, terms, id), ...make(person.user, now), event }
    })
    if (changed.outcome === 'unknown') throw notFound('this user')
    if (changed.outcome !== 'changed') throw refusalOf(changed, { id })
    deliver()
    return changed.person
  }
}

export function givePassword(user: UserRecord, hash: string, origin: PasswordOrigin, now: Instant): void {
  Object.assign(user, { passwordHash: hash, passwordOrigin: origin, passwordChangedAt: now })
}

/** The invitation that an act rests on cannot be used. Pages say why. */
export class LinkRefusal extends Error {
  readonly state: 'used' | 'expired' | 'unknown'

  constructor(state: LinkRefusal['state']) {
    super(`the link is ${state}`)
    this.name = 'LinkRefusal'
    this.state = state
  }
}

const TAKEN = {
  id: 'id: a user or a client has it, or had it',
  username: 'username: another user has it',
  email: 'email: another user has it',
} as const

/** Another person or a client has the value of this member: 409. */
export class NameTaken extends OAuthError {
  readonly member: keyof typeof TAKEN

  constructor(member: keyof typeof TAKEN) {
    super('invalid_request', TAKEN[member], { status: 409 })
    this.member = member
  }
}

function refusalOf(obstacle: UserObstacle, { id }: Pick<UserRecord, 'id'>): OAuthError | LinkRefusal {
  switch (obstacle.outcome) {
    case 'taken':
      return new NameTaken(obstacle.member)
    case 'ended':
      return conflict(`id: ${id} was the id of a user who was deleted, and is never given again`)
    case 'no_group':
      return invalidRequest(
        `groups: group ${JSON.stringify(obstacle.group)} does not exist; make it with: signet group create ${shell(obstacle.group)}`,
        { isOfRecords: true },
      )
    case 'link':
      return new LinkRefusal(obstacle.state)
  }
}
