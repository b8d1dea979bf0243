/** The values that each template shows, read and judged already. Those of the account pages stand in account-views.ts. */
import type { PageFaultCode } from '../http/page-fault.ts'

/** The error of a form that is shown again: its code stands in `data-error`, its words come from the texts. */
export interface FormError {
  code: PageFaultCode | 'last_factor' | 'wrong_password' | 'invalid_email' | 'invalid_value' | 'too_long' | 'bad_zone'
  /** The words, where those of the code do not tell the fault. */
  words?: 'same_password' | 'no_password' | 'long_password' | 'wrong_password' | 'address_taken' | 'invalid_username'
  /** The field that has to be changed, by its `name`. */
  field?: string
  /** For `too_many_attempts`. */
  retryAfterSeconds?: number
}

/** Hidden fields of a form beside `csrf` and `tx`, by name. */
export type Hidden = Readonly<Record<string, string>>

/** A person, as pages name one. */
export interface AccountView {
  username: string
  name: string | null
  email: string | null
}

/** `data-page=login`. Also the choice of an account: then `account` is the person who is signed in. */
export interface LoginView {
  username?: string | undefined
  isRemembered?: boolean | undefined
  error?: FormError | undefined
  /** Passwords may be used here (SIGNET_PASSWORDS). */
  hasPassword: boolean
  hasPasskey: boolean
  /** Sign-up is on for strangers: the link "Create account" is shown. */
  signUpAt?: string | undefined
  /** Shown above the form with one button, `action=continue`. */
  account?: AccountView | undefined
  /** A signed-in person signs in again, before a change: "Confirm it is you". */
  isConfirming?: boolean | undefined
  hidden?: Hidden | undefined
}

/** `data-page=second`. */
export interface SecondView {
  account?: AccountView | undefined
  error?: FormError | undefined
  hasTotp: boolean
  hasPasskey: boolean
  hasRecovery: boolean
}

/** `data-page=recovery`. */
export interface RecoveryView {
  account?: AccountView | undefined
  error?: FormError | undefined
}

/** A TOTP secret that waits for its first code. */
export interface TotpSetupView {
  /** Base32. */
  secret: string
  /** `otpauth:` */
  uri: string
  /** The modules of the QR code, row by row, with or without a margin; dark is true. */
  qr: readonly (readonly boolean[])[]
}

/** `data-page=enrol`: the person must add a factor before the sign-in goes on. */
export interface EnrolView {
  canPasskey: boolean
  canTotp: boolean
  /** Shown instead of the choice. */
  totp?: TotpSetupView | undefined
  /** Shown instead of both, once: then `action=continue` goes on. */
  recoveryCodes?: readonly string[] | undefined
  /** Shown instead of all: the app was set up before, and its codes were shown. */
  isSetUp?: boolean | undefined
  error?: FormError | undefined
}

/** `data-page=must-change`. */
export interface MustChangeView {
  username: string
  leastCharacters: number
  error?: FormError | undefined
}

/** `data-page=link`. */
export interface LinkView {
  account: AccountView
  /** Of the link; a hidden field. */
  token: string
  error?: FormError | undefined
}

/** `data-page=signup`, and `invite` where there is an invitation. */
export interface SignupView {
  kind: 'signup' | 'invite'
  /** Of the invitation; a hidden field. */
  token?: string | undefined
  username?: string | undefined
  email?: string | undefined
  name?: string | undefined
  /** The invitation hands an account over. */
  isUsernameFixed?: boolean | undefined
  /** The invitation names the address. */
  isEmailFixed?: boolean | undefined
  /** The invitation makes an operator. */
  isForOperator?: boolean | undefined
  hasPassword: boolean
  hasPasskey: boolean
  leastCharacters: number
  /** The page on which a person who has an account signs in. */
  signInAt?: string | undefined
  error?: FormError | undefined
}

/** Scopes of one resource in words, or of no resource. */
export interface ScopeView {
  scope: string
  /** The words of the resource for the scope; else our own words, or the scope itself. */
  says?: string | undefined
}

/** `data-page=consent`. */
export interface ConsentView {
  client: string
  /** The rights on the page, for the write that stores the consent. */
  shown: string
  account: AccountView
  scopes: readonly ScopeView[]
  resources: readonly { name: string; scopes: readonly ScopeView[] }[]
  /** The host of the redirect URI. */
  redirectHost?: string | undefined
  /** Every redirect URI is one of this device. */
  isLocalhostOnly?: boolean | undefined
  policyUrl?: string | undefined
  termsUrl?: string | undefined
}

/** `data-page=front`. */
export interface FrontView {
  issuer: string
  addresses: readonly {
    name: 'docs' | 'openapi' | 'openid_configuration' | 'oauth_authorization_server' | 'jwks' | 'health'
    path: string
  }[]
}

/** `data-page=logout`. */
export interface LogoutView {
  account: AccountView
  /** The client that asks. */
  client?: string | undefined
  /** Signing out leads to the client, by a redirect. */
  isGoingBack?: boolean | undefined
  hidden?: Hidden | undefined
}

/** Hands values to a client by a form that sends itself (OAuth Form Post Response Mode). */
export interface FormPostView {
  /** The redirect URI. */
  action: string
  values: readonly (readonly [name: string, value: string])[]
  client: string
}

/** `data-page=error` with `data-error=not_allowed`. `action=back` takes `access_denied` to the client. */
export interface NotAllowedView {
  client: string
  account: AccountView
}

/** `data-page=error` with `data-error=redirect_uri_mismatch`, for an operator. */
export interface MismatchView {
  client: string
  redirectUri: string
  /** The address of the form, below the issuer's path. */
  action: string
  hidden?: Hidden | undefined
}

/** `data-page=error`. */
export interface ErrorView {
  code: PageFaultCode | 'unavailable' | 'invalid_request' | 'server_error'
  /** A link is at fault, and not a sign-in. */
  isOfLink?: boolean | undefined
  retryAfterSeconds?: number | undefined
  /** The issuer URL, for a browser that came to another address. */
  openAt?: string | undefined
  /** A proven address of the client. */
  back?: string | undefined
  /** The sign-in was finished or cancelled in this browser. `app`: where its client can be opened again. */
  finished?: { app?: { name: string; address: string } | undefined } | undefined
  /** The form was older than the session of its browser: the page to open again, below the issuer's path. */
  again?: string | undefined
}
