/** The sign-in form: user name, password and passkey on one page. */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import type { Markup } from '../html.ts'
import * as parts from '../parts.ts'
import type { PageBody } from '../layout.ts'
import type { LoginView } from '../views.ts'

export function loginPage(frame: Frame, view: LoginView): PageBody {
  const heading = headingOf(frame, view)
  return {
    name: 'login',
    title: heading,
    usesPasskeys: view.hasPasskey,
    formsLeadTo: 'anywhere',
    body: parts.gate(
      frame,
      html`${head(frame, heading, view)}${known(frame, view)}${credentials(frame, view)}${view.signUpAt !== undefined && signUp(frame, view.signUpAt)}`,
    ),
  }
}

function headingOf({ texts, client }: Frame, { account, isConfirming }: LoginView): string {
  if (isConfirming) return texts.login.confirmTitle
  if (account) return texts.login.chooseTitle
  return client ? texts.login.titleTo(client.name) : texts.login.title
}

function head(frame: Frame, heading: string, { isConfirming }: LoginView): Markup {
  const { client, texts } = frame
  const help = isConfirming && texts.login.confirmHelp
  return parts.lead(client ? parts.clientTile(client) : '', heading, help)
}

/** The person who is signed in already goes on with one button. */
function known(frame: Frame, { account, hidden }: LoginView): Markup | false {
  if (!account) return false
  const { login } = frame.texts
  const go = parts.submit('continue', login.continueAs(parts.nameOf(account)))
  return html`${parts.form(frame, '/login', html`${parts.personLine(account)}${go}`, { hidden })}${parts.or(frame, login.another)}`
}

function credentials(frame: Frame, view: LoginView): Markup {
  const { texts, client } = frame
  const { hasPassword, hasPasskey, hidden, error, isConfirming } = view
  const passkey =
    hasPasskey && parts.passkeyButton('sign-in', texts.login.usePasskey, hasPassword ? 'wide quiet' : 'wide')
  const isShared = hasPassword && hasPasskey
  const inside = html`${parts.alert(frame, error)}${hasPassword && typed(frame, view)}
  ${
    hasPasskey &&
    html`<div class="stack" data-passkeys hidden>
        ${isShared && html`<p class="or flush">${texts.common.or}</p>`}${passkey}
      </div>
      ${parts.passkeyAlert(frame)}`
  }
  ${isConfirming && !hasPassword && html`<p class="links">${notYou(frame)}</p>`}${(client || isConfirming) && parts.cancel(frame)}`
  return parts.form(frame, '/login', inside, { hidden })
}

function typed(frame: Frame, { username, isRemembered, isConfirming, account, error }: LoginView): Markup {
  const { login } = frame.texts
  const isInvalid = error?.code === 'invalid_credentials'
  const first = html`type="text" autocomplete="username webauthn" autocapitalize="none" autocorrect="off"
  spellcheck="false" enterkeyhint="next" maxlength="254" required ${isConfirming && html`readonly`}
  ${!account && username === undefined && html`autofocus`}`
  const second = html`autocomplete="current-password webauthn" enterkeyhint="go" maxlength="1000" required
  ${username !== undefined && html`autofocus`}`
  return html`${parts.field(frame, { name: 'username', label: login.username, value: username, attributes: first, isInvalid })}
    ${parts.passwordField(frame, { name: 'password', label: login.password, attributes: second, isInvalid })}
    <div class="between">
      ${isConfirming ? notYou(frame) : remember(frame, isRemembered)}
      <details class="forgot">
        <summary>${login.forgot}</summary>
        <p class="hint">${login.forgotHelp}</p>
      </details>
    </div>
    ${parts.submit('sign-in', login.signIn)}`
}

const remember = ({ texts }: Frame, isRemembered: boolean | undefined): Markup =>
  html`<label class="check"
    ><input type="checkbox" name="remember" value="on" ${isRemembered && html`checked`} />${texts.login.remember}</label
  >`

/** Another person signs out first whom the session belongs to. */
const notYou = ({ texts, at }: Frame): Markup => html`<a href="${at('/logout')}">${texts.consent.notYou}</a>`

/** The way to an account, below everything. */
function signUp(frame: Frame, address: string): Markup {
  const { login } = frame.texts
  return html`<p class="links"><span>${login.noAccount}</span><a href="${address}">${login.create}</a></p>`
}
