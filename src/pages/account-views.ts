/** The values that each account page shows, read and judged already. Instants are milliseconds. */
import type { Instant } from '../ground/clock.ts'
import type { AccountView, FormError, ScopeView, TotpSetupView } from './views.ts'

/** The notice above an account page, after a change. */
export type Notice =
  | 'saved'
  | 'password_changed'
  | 'passkey_added'
  | 'passkey_removed'
  | 'passkey_renamed'
  | 'totp_enabled'
  | 'totp_disabled'
  | 'session_ended'
  | 'app_withdrawn'

/** Every account page: the person, and what the last form brought. */
export interface AccountPageView {
  account: AccountView
  now: Instant
  zone?: string | undefined
  notice?: Notice | undefined
  error?: FormError | undefined
}

export interface OverviewView extends AccountPageView {
  passwordChangedAt: Instant | null
  hasPassword: boolean
  passkeys: number
  hasTotp: boolean
  /** SIGNET_MFA=off. */
  isTwoFactorOffHere?: boolean
  recoveryCodes: number
  sessions: number
  apps: number
  lastLoginAt: Instant | null
  groups: readonly string[]
}

export interface ProfileView extends AccountPageView {
  id: string
  isEmailVerified: boolean
  values: Readonly<Record<ProfileField, string>>
}

export type ProfileField = 'name' | 'given_name' | 'family_name' | 'nickname' | 'locale' | 'zoneinfo'

export interface PasswordView extends AccountPageView {
  hasPassword: boolean
  leastCharacters: number
}

export interface PasskeysView extends AccountPageView {
  passkeys: readonly {
    id: string
    name: string
    isBackedUp: boolean
    createdAt: Instant
    lastUsedAt: Instant | null
  }[]
}

export interface TwoFactorView extends AccountPageView {
  isOn: boolean
  /** SIGNET_MFA=off: nobody is asked for a second step, and none can be set up. */
  isOffHere?: boolean
  /** SIGNET_MFA=required: it cannot be turned off. */
  isRequired: boolean
  recoveryCodesLeft: number
  totp?: TotpSetupView | undefined
  /** Shown this once. */
  recoveryCodes?: readonly string[] | undefined
}

export interface SessionsView extends AccountPageView {
  sessions: readonly {
    id: string
    isCurrent: boolean
    userAgent: string
    address: string
    createdAt: Instant
    lastSeenAt: Instant
    /** Names of the clients. */
    apps: readonly string[]
  }[]
}

export interface AppsView extends AccountPageView {
  apps: readonly {
    clientId: string
    name: string
    scopes: readonly ScopeView[]
    since: Instant
  }[]
}

export interface ActivityView extends AccountPageView {
  events: readonly {
    id: string
    at: Instant
    action: string
    actorKind: 'client' | 'user' | 'cli' | 'config' | 'system' | ''
    /** As far as the event knows them. `app`: the name of the client of a sign-in. */
    userAgent?: string | undefined
    address?: string | undefined
    app?: string | undefined
  }[]
  /** The address of the page of older events. */
  older?: string | undefined
}
