/** The parts that pages are made of: the gate with its card, forms, fields, alerts. */
import { html } from 'hono/html'
import { MOST_PASSWORD_CHARACTERS } from '../users/strength.ts'
import type { ClientView, Frame } from './frame.ts'
import type { Markup } from './html.ts'
import { icon, type IconName } from './icons.ts'
import { initialOf, plainLine } from './plain-text.ts'
import type { AccountView, FormError, Hidden } from './views.ts'

/** Markup, or nothing; a text is escaped. */
export type Part = Markup | Markup[] | string | false | undefined

/** A page with one card in its middle: everything before a person is signed in. */
export const gate = (frame: Frame, card: Part, kind: '' | 'roomy' = ''): Markup =>
  html`<div class="gate">
    <header>${brandOf(frame)}</header>
    <main id="main" class="card ${kind}">${card}</main>
  </div>`

/** The logo and the name of the operator. */
export const brandOf = ({ brand }: Frame, address?: string): Markup => {
  const mark = brand.logo === undefined ? markOf(brand.name) : html`<img src="${brand.logo}" alt="" />`
  const inside = html`${mark}<span>${brand.name}</span>`
  return address === undefined
    ? html`<div class="brand">${inside}</div>`
    : html`<a class="brand" href="${address}">${inside}</a>`
}

/** Signet's own mark is a seal; another name is its first letter. */
const markOf = (name: string): Markup =>
  html`<span class="mark" aria-hidden="true">${name === 'Signet' ? icon('seal') : initialOf(name)}</span>`

/** The head of a card: a picture, the heading, and a line below. */
export const lead = (tile: Part, heading: string, ...lines: Part[]): Markup =>
  html`<div class="lead">
    ${tile}
    <h1>${heading}</h1>
    ${lines.map((line) => line && html`<p class="soft">${line}</p>`)}
  </div>`

export const iconTile = (name: IconName, kind = ''): Markup => html`<div class="tile ${kind}">${icon(name)}</div>`

/** The first letter of a client. */
export const clientTile = ({ name }: ClientView): Markup =>
  html`<div class="tile" aria-hidden="true">${initialOf(name)}</div>`

/** A form of our own, with its hidden fields. @param action the path below the issuer's */
export const form = (
  frame: Frame,
  action: string,
  inside: Part,
  { hidden = {}, kind = 'stack' }: FormTerms = {},
): Markup =>
  html`<form class="${kind}" method="post" action="${frame.at(action)}">${proof(frame, hidden)}${inside}</form>`

export interface FormTerms {
  hidden?: Hidden | undefined
  /** Its class. */
  kind?: string
}

const proof = ({ csrf, tx }: Frame, hidden: Hidden): Markup[] => {
  const own = { ...(csrf !== undefined && { csrf }), ...(tx !== undefined && { tx }), ...hidden }
  return Object.entries(own).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)
}

/** A button that sends its form with `action`. */
export const submit = (action: string, says: string, kind = 'wide'): Markup =>
  html`<button class="button ${kind}" name="action" value="${action}">${says}</button>`

/** A button that takes the person back without an answer: it is no answer to the fields, so they may be empty. */
export const cancel = (frame: Frame, action = 'cancel', says = frame.texts.common.cancel): Markup =>
  html`<button class="button plain wide" name="action" value="${action}" formnovalidate>${says}</button>`

/** A field with its label, what helps and what is wrong with it. */
export interface FieldTerms {
  name: string
  label: string
  /** The attributes of the input: type, autocomplete and others. */
  attributes: Markup
  value?: string | undefined
  kind?: string
  hint?: string | undefined
  error?: FormError | undefined
  /** The text of an error of this field, where that of its code does not fit. */
  wrongSays?: string
  isOptional?: boolean
  /** Wrong without a text of its own: the alert above the form tells it. */
  isInvalid?: boolean
}

export function field(frame: Frame, terms: FieldTerms): Markup {
  const { name, label, attributes, value = '', kind = '', hint, isOptional } = terms
  const { texts } = frame
  const { wrong, described, invalid } = describedBy(frame, terms)
  return html`<div class="field">
    <label for="${name}"
      >${label}${isOptional && html` <span class="soft small">(${texts.common.optional})</span>`}</label
    >
    <input class="input ${kind}" id="${name}" name="${name}" value="${value}" ${attributes} ${described} ${invalid} />
    ${hint !== undefined && html`<p class="hint" id="${name}-hint">${hint}</p>`}${wrong}
  </div>`
}

/** A password, with a button that shows it. */
export function passwordField(frame: Frame, terms: Omit<FieldTerms, 'value' | 'kind' | 'isOptional'>): Markup {
  const { name, label, attributes, hint } = terms
  const { texts } = frame
  const { wrong, described, invalid } = describedBy(frame, terms)
  return html`<div class="field">
    <label for="${name}">${label}</label>
    <div class="secret">
      <input class="input" id="${name}" name="${name}" type="password" ${attributes} ${described} ${invalid} />
      <button
        class="peek"
        type="button"
        aria-label="${texts.common.showPassword}"
        aria-pressed="false"
        aria-controls="${name}"
        hidden
      >
        ${icon('eye')}
      </button>
    </div>
    <p class="hint" data-caps hidden role="status">${texts.common.capsLock}</p>
    ${hint !== undefined && html`<p class="hint" id="${name}-hint">${hint}</p>`}${wrong}
  </div>`
}

/** A choice of few values. @param options values with what they are called */
export function choice(
  frame: Frame,
  { name, label, value = '', error }: Omit<FieldTerms, 'attributes'>,
  options: Readonly<Record<string, string>>,
): Markup {
  const { wrong, described, invalid } = describedBy(frame, { name, hint: undefined, error })
  const each = ([known, says]: [string, string]) =>
    html`<option value="${known}" ${known === value && html`selected`}>${says}</option>`
  return html`<div class="field">
    <label for="${name}">${label}</label
    ><select class="input" id="${name}" name="${name}" ${described} ${invalid}>
      ${Object.entries(options).map(each)}</select
    >${wrong}
  </div>`
}

function describedBy(
  frame: Frame,
  { name, hint, error, isInvalid, wrongSays }: Pick<FieldTerms, 'name' | 'hint' | 'error' | 'isInvalid' | 'wrongSays'>,
) {
  const isWrong = error !== undefined && fieldOf(error) === name
  const ids = [...(isWrong ? [`${name}-wrong`] : []), ...(hint === undefined ? [] : [`${name}-hint`])]
  const described = ids.length > 0 && html`aria-describedby="${ids.join(' ')}"`
  const invalid = (isWrong || isInvalid === true) && html`aria-invalid="true"`
  const wrong =
    isWrong &&
    html`<p class="wrong" id="${name}-wrong" role="alert" data-error="${error.code}">
      ${wrongSays ?? errorText(frame, error)}
    </p>`
  return { wrong, described, invalid }
}

/** A new password, told apart from a known one for password managers. */
export const newPasswordField = (
  frame: Frame,
  { label, leastCharacters, error, isOptional }: NewPasswordTerms,
): Markup =>
  html`<div class="field" data-least="${leastCharacters}">
    ${passwordField(frame, {
      name: 'password',
      label,
      hint: frame.texts.password.rule(leastCharacters),
      error,
      attributes: html`autocomplete="new-password" minlength="${leastCharacters}" maxlength="1000"
      passwordrules="minlength: ${leastCharacters}; maxlength: 128; allowed: unicode;" ${!isOptional && html`required`}`,
    })}
    <p
      class="hint"
      aria-live="polite"
      data-short="${frame.texts.password.short}"
      data-enough="${frame.texts.password.enough}"
    ></p>
  </div>`

interface NewPasswordTerms {
  label: string
  leastCharacters: number
  error?: FormError | undefined
  /** A passkey does as well. */
  isOptional?: boolean
}

/** The user name in a form that has only a password: password managers file the password under it. */
export const filedUnder = (username: string): Markup =>
  html`<input
    class="unseen"
    name="username"
    value="${username}"
    autocomplete="username"
    readonly
    tabindex="-1"
    aria-hidden="true"
  />`

/** The error of the form, above it. That of one field stands beside the field. */
export const alert = (frame: Frame, error: FormError | undefined): Markup | false =>
  error !== undefined && fieldOf(error) === undefined && alertBox(frame, error)

/** An error that no field of the page can mend. */
export const alertBox = (frame: Frame, error: FormError): Markup =>
  html`<div class="alert" role="alert" data-error="${error.code}">
    ${icon('warn')}
    <p>${errorText(frame, error)}</p>
  </div>`

/** Errors that concern one field by their nature. */
const FIELD_OF: Readonly<Partial<Record<FormError['code'], string>>> = {
  weak_password: 'password',
  username_taken: 'username',
  invalid_email: 'email',
  bad_zone: 'zoneinfo',
}

const fieldOf = ({ field: named, code }: FormError): string | undefined => named ?? FIELD_OF[code]

function errorText({ texts }: Frame, { code, words, retryAfterSeconds = 1 }: FormError): string {
  const { alerts, profile } = texts
  if (code === 'too_many_attempts') return alerts.too_many_attempts(retryAfterSeconds)
  if (code === 'bad_zone') return profile.badZone
  if (code === 'too_long') return profile.tooLong(200)
  if (words === 'long_password') return alerts.long_password(MOST_PASSWORD_CHARACTERS)
  const { too_many_attempts: _, long_password: __, ...said } = alerts
  const known: Readonly<Record<string, string | undefined>> = said
  return known[words ?? code] ?? alerts.other
}

/** Below a button for passkeys. The script makes it an alert, with its text, when a passkey did not work. */
export const passkeyAlert = ({ texts }: Frame): Markup =>
  html`<div class="alert" data-passkey-error="${texts.common.passkeyFailed}" hidden>
      ${icon('warn')}
      <p></p>
    </div>
    <noscript><p class="hint">${texts.common.needsScript}</p></noscript>`

/** A button for scripts alone, which show it where the browser has passkeys. @param what the purpose that the script reads */
export const passkeyButton = (what: string, says: string, kind = 'wide quiet'): Markup =>
  html`<button class="button ${kind}" type="button" data-passkey="${what}" hidden>${icon('passkey')}${says}</button>`

/** The person, with a first letter for a picture. */
export const personLine = (account: AccountView): Markup =>
  html`<div class="who">
    <span class="tile small-tile round" aria-hidden="true">${initialOf(nameOf(account))}</span>
    <span><strong>${nameOf(account)}</strong><span class="soft small">${secondName(account)}</span></span>
  </div>`

export const nameOf = ({ name, username }: AccountView): string => plainLine(name ?? username)

/** The address of a person, or the name that signs in. */
export const addressOf = ({ email, username }: AccountView): string => plainLine(email ?? username, 254)

/** A second line that tells persons of one name apart. */
const secondName = (account: AccountView): string =>
  account.email === null && account.name === null ? '' : addressOf(account)

export const or = (frame: Frame, says = frame.texts.common.or): Markup => html`<p class="or">${says}</p>`

/** The code of an authenticator app: one field, spaces allowed. */
export const codeField = (frame: Frame, label: string, error: FormError | undefined): Markup =>
  field(frame, {
    name: 'code',
    label,
    kind: 'code',
    attributes: html`type="text" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9 ]*" maxlength="10"
    enterkeyhint="go" required autofocus`,
    error,
  })

/** A button for scripts alone, which show it. */
export const copyButton = ({ texts }: Frame, value: string, says = texts.common.copy): Markup =>
  html`<button class="button quiet low" type="button" data-copy="${value}" data-copied="${texts.common.copied}" hidden>
    ${says}
  </button>`

/** A sentence of the texts with markup where it has a value: languages put it in different places. */
export function around(says: (slot: string) => string, inside: Markup): Markup {
  const [before = '', after = ''] = says(SLOT).split(SLOT)
  return html`${before}${inside}${after}`
}

const SLOT = '\0'
