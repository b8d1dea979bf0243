/**
 * The acts on people, loaded at the first of them: most issuers have services alone. The names stand here, because the
 * store is put together before the acts are there.
 */
import { methodsOnDemand } from '../../ground/on-demand.ts'
import { select, type Act, type Engine } from '../engine.ts'
import type {
  GroupStore,
  GuessStore,
  LinkStore,
  PresenceStore,
  SignInStore,
  TokenStore,
  UserStore,
} from '../people-store.ts'
import { passkeys, users } from '../tables/people.ts'
import type { FactorStore } from '../factor-store.ts'

/** Asked at every start, so it loads nothing. */
export const presenceVerbs = (engine: Engine): PresenceStore => ({
  hasUsers: () => engine.read(() => isThere(users)),
  hasPasskeys: () => engine.read(() => isThere(passkeys)),
})

function* isThere(table: typeof users | typeof passkeys): Act<boolean> {
  return (yield* select<typeof users | typeof passkeys>(table, { limit: 1 })).length > 0
}

export const signInVerbs = (engine: Engine): SignInStore =>
  methodsOnDemand(
    {
      startSignIn: true,
      keepRequest: true,
      resumeRequest: true,
      findSignIn: true,
      takeStep: true,
      findByLoginName: true,
    },
    async () => (await import('./sign-ins.ts')).signInVerbs(engine),
  )

export const codeVerbs = (engine: Engine): TokenStore =>
  methodsOnDemand({ findCode: true, redeemCode: true, findGrantPerson: true }, async () =>
    (await import('./codes.ts')).codeVerbs(engine),
  )

export const userVerbs = (engine: Engine): UserStore =>
  methodsOnDemand(
    { findPerson: true, listPersons: true, createUser: true, changeUser: true, deleteUser: true },
    async () => (await import('./users.ts')).userVerbs(engine),
  )

export const groupVerbs = (engine: Engine): GroupStore =>
  methodsOnDemand(
    {
      listGroups: true,
      findGroup: true,
      createGroup: true,
      changeGroup: true,
      deleteGroup: true,
      changeMembers: true,
    },
    async () => (await import('./groups.ts')).groupVerbs(engine),
  )

export const linkVerbs = (engine: Engine): LinkStore =>
  methodsOnDemand({ addLink: true, findLink: true, listInvitations: true, revokeInvitation: true }, async () =>
    (await import('./links.ts')).linkVerbs(engine),
  )

export const guessVerbs = (engine: Engine): GuessStore =>
  methodsOnDemand({ countGuess: true }, async () => (await import('./guesses.ts')).guessVerbs(engine))

export const factorVerbs = (engine: Engine): FactorStore =>
  methodsOnDemand(
    {
      listPasskeys: true,
      findPasskey: true,
      keepPending: true,
      findPending: true,
      addPasskey: true,
      renamePasskey: true,
      removePasskey: true,
      enableTotp: true,
      disableTotp: true,
      replaceRecoveryCodes: true,
      listTotpSecrets: true,
      resealTotp: true,
    },
    async () => (await import('./factors.ts')).factorVerbs(engine),
  )
