/** A fault that a person reads on a page. Its code stands in `data-error`. */

export type PageFaultCode =
  | 'invalid_credentials'
  | 'too_many_attempts'
  | 'invalid_code'
  | 'expired'
  | 'other_browser'
  | 'account_disabled'
  | 'not_allowed'
  | 'unknown_client'
  | 'redirect_uri_mismatch'
  | 'redirect_uri_missing'
  | 'csrf'
  | 'link_used'
  | 'weak_password'
  | 'username_taken'
  | 'not_found'

export interface PageFaultOptions {
  /** For the log line and the doctor; never shown. */
  reason?: string
  retryAfterSeconds?: number
  /** Of `expired`: a link is over, and not a sign-in. */
  isOfLink?: boolean
  /** Of `csrf`: the browser says that the form is ours, so it is older than the cookie. `action`: its button. */
  stale?: { action: string | undefined }
  /** The page to open again, below the issuer's path. */
  again?: string
  /** The issuer URL, for a browser that came to another address. */
  openAt?: string
  /** Of `expired`: the sign-in was finished or cancelled in this browser. `app`: where the client can be opened again. */
  finished?: { app?: { name: string; address: string } | undefined }
  /** The client that a way back leads to, and where. Only a proven redirect URI may stand here. */
  back?: string
}

/** A refusal that ends in an error page of its own. A form that is shown again with its error is no fault. */
export class PageFault extends Error {
  readonly code: PageFaultCode
  readonly status: number
  readonly options: PageFaultOptions

  constructor(code: PageFaultCode, status: number, options: PageFaultOptions = {}) {
    super(options.reason ?? code)
    this.name = 'PageFault'
    this.code = code
    this.status = status
    this.options = options
  }
}
