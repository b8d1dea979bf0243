/**
 * The acts on users: create, change, disable, enable, delete, set a password, take factors away, and a link for persons who
 * are locked out. The admin API and the command line perform them, and pages perform some in the person's own name. A
 * declarative file has operations of its own: see operations.ts.
 */
import type { Actor, AuditTrail } from '../audit.ts'
import type { Instant } from '../ground/clock.ts'
import { conflict, invalidRequest, notFound } from '../ground/errors.ts'
import type { Page } from '../store/records/facts.ts'
import type {
  LostFactors,
  PasskeyRecord,
  Person,
  PersonFilter,
  UserChange,
  UserRecord,
  UserTerms,
} from '../store/records/user.ts'
import type { Store } from '../store/store.ts'
import { endingOf } from './ending.ts'
import { invitationFor } from './invitation.ts'
import { newLink, type ShownLink } from './link.ts'
import type { Passwords } from './password.ts'
import { refusalOf } from './refusals.ts'
import { requireRightOver } from './rights.ts'
import { userTermsOf, type ActTerms } from './terms.ts'
import { blankUser, changedUser, newPassword, requireSoundUser, type UserMetadata } from './user.ts'

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

/** The longest life of a sign-in link, and the usual one. Seconds. */
const LONGEST_LINK = 7 * 86_400
export const USUAL_LINK = 900

export class UserRegistry {
  readonly #needs: Needs

  constructor(needs: Needs) {
    this.#needs = needs
  }

  /** @throws OAuthError `invalid_request`; 409 where a name is taken */
  async create(wanted: WantedUser, by: Actor, terms: ActTerms = {}): Promise<Person> {
    return this.#add(await this.#newUser(wanted, terms), wanted.groups, by, terms)
  }

  /** The same, with the link by which the person takes the account over: both are made, or neither. */
  async createInvited(wanted: WantedUser, by: Actor): Promise<{ person: Person; link: ShownLink }> {
    const user = await this.#newUser(wanted, {})
    const invites = invitationFor(user, by, this.#needs)
    return { person: await this.#add(user, wanted.groups, by, { invites }), link: invites.shown }
  }

  async #newUser({ id, password, ...metadata }: WantedUser, terms: ActTerms): Promise<UserRecord> {
    const blank = changedUser(blankUser(id, this.#needs.store.now()), metadata)
    const user = { ...blank, handle: terms.handle ?? blank.handle, isNameChosen: terms.isNameChosen ?? false }
    requireSoundUser(user)
    return password === undefined ? user : this.#withPassword(user, password, terms)
  }

  async #add(user: UserRecord, groups: string[] | undefined, by: Actor, terms: ActTerms): Promise<Person> {
    const { store, audit } = this.#needs
    const event = audit.event('user.created', user.id, { ...by, details: terms.details ?? {} })
    const created = await store.createUser(user, userTermsOf(groups ?? [], by, terms, user.id), event)
    if (created.outcome !== 'created') throw refusalOf(created, user)
    return created.person
  }

  async #withPassword(user: UserRecord, password: string, terms: ActTerms): Promise<UserRecord> {
    const { network = '', origin = 'operator' } = terms
    const hash = await this.#needs.passwords.choose(password, user, network)
    return { ...user, ...newPassword(hash, origin, user.createdAt) }
  }

  /** The person takes over an account that was made for them, by the link that an operator has sent. */
  async takeOver(
    person: Person,
    { password, name }: { password?: string | undefined; name?: string | undefined },
    by: Actor,
    terms: ActTerms,
  ): Promise<Person> {
    const { passwords } = this.#needs
    const { user } = person
    const passwordHash = password === undefined ? undefined : await passwords.choose(password, user, terms.network)
    return this.#change(user.id, 'user.taken_over', by, { ...terms, isTrusted: true }, (current, now) => ({
      user: {
        ...(passwordHash !== undefined && newPassword(passwordHash, 'person', now)),
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
  async update(id: string, { groups, ...metadata }: UserMetadata, by: Actor, terms: ActTerms = {}): Promise<Person> {
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

  /** Undoes `disable`. Ended sessions and grants stay ended, and entries that were posted for the person stay. */
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
      user: { ...newPassword(passwordHash, 'operator', now), mustChangePassword: mustChange, updatedAt: now },
      ending,
    }))
  }

  /**
   * Sets a password that the person has chosen. The person's other sessions end.
   * @param except the session in which it is done
   */
  async choosePassword(
    id: string,
    password: string,
    by: Actor,
    terms: ActTerms & { except?: string },
  ): Promise<Person> {
    const { audit, passwords } = this.#needs
    const { user } = await this.get(id)
    const passwordHash = await passwords.choose(password, user, terms.network)
    const ending = endingOf('chosen', id, { by, audit, except: terms.except })
    return this.#change(id, 'user.password_changed', by, terms, (_, now) => ({
      user: { ...newPassword(passwordHash, 'person', now), mustChangePassword: false, updatedAt: now },
      ending,
    }))
  }

  listPasskeys(id: string): Promise<PasskeyRecord[]> {
    return this.#needs.store.listPasskeys(id)
  }

  /** Takes factors away; the password stays. @throws OAuthError 404 for a factor that the person does not have */
  removeFactors(id: string, lost: LostFactors, by: Actor): Promise<Person> {
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
    const judge = (person: Person) => {
      requireRightOver(person, by)
      if (person.user.disabledAt !== null) throw conflict('this user is disabled: enable the user first')
    }
    const { url, record } = newLink(
      { kind: 'sign_in_link', owner: id, facts: {}, uses: 1, ttlSeconds },
      issuer,
      store.now(),
    )
    const event = audit.event('user.link_made', id, { ...by, details: { ttl_seconds: ttlSeconds } })
    if ((await store.addLink(record, event, judge)) === 'unknown') throw notFound('this user')
    return { id: record.id, url, expiresAt: record.expiresAt }
  }

  /** Asks `make` inside the write. @throws OAuthError 404, 403, or 409 */
  async #change(
    id: string,
    action: string,
    by: Actor,
    { details = {}, groups, ...terms }: ActTerms & { groups?: string[] | undefined },
    make: (current: UserRecord, now: Instant) => Omit<UserChange, keyof UserTerms | 'event'>,
  ): Promise<Person> {
    const { store, audit, deliver } = this.#needs
    const event = audit.event(action, id, { ...by, details })
    let isEnding = false
    const changed = await store.changeUser(id, (person, now) => {
      if (!terms.isTrusted) requireRightOver(person, by)
      const made = make(person.user, now)
      isEnding = made.ending !== undefined
      return { ...userTermsOf(groups, by, terms, id), ...made, event }
    })
    if (changed.outcome === 'unknown') throw notFound('this user')
    if (changed.outcome !== 'changed') throw refusalOf(changed, { id })
    if (isEnding) deliver()
    return changed.person
  }
}
