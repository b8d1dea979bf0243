/** A new account: by invitation, or by sign-up where that is on. */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import type { Markup } from '../html.ts'
import * as parts from '../parts.ts'
import type { PageBody } from '../layout.ts'
import type { SignupView } from '../views.ts'

export function signupPage(frame: Frame, view: SignupView): PageBody {
  const { signup } = frame.texts
  const { kind, token, error, hasPasskey, signInAt } = view
  const title = kind === 'invite' ? signup.inviteTitle : signup.title
  const inside = html`${parts.alert(frame, error)}${personFields(frame, view)}${waysIn(frame, view)}`
  const signIn =
    signInAt !== undefined &&
    html`<p class="links"><span>${signup.haveAccount}</span><a href="${signInAt}">${signup.signIn}</a></p>`
  return {
    name: kind,
    title,
    usesPasskeys: hasPasskey,
    body: parts.gate(
      frame,
      html`${parts.lead(parts.iconTile('person'), title, helpOf(frame, view))}
      ${parts.form(frame, `/${kind}`, inside, { hidden: token === undefined ? {} : { token } })}${signIn}`,
    ),
  }
}

/** The address of an invitation has an account: the person signs in to it. */
export function addressTakenPage(frame: Frame, signInAt: string): PageBody {
  const { signup } = frame.texts
  return {
    name: 'invite',
    title: signup.inviteTitle,
    body: parts.gate(
      frame,
      html`${parts.lead(parts.iconTile('person'), signup.inviteTitle)}
        <div class="stack">
          ${parts.alertBox(frame, { code: 'username_taken', words: 'address_taken' })}
          <a class="button wide" href="${signInAt}">${signup.signIn}</a>
        </div>`,
    ),
  }
}

function helpOf({ texts, brand }: Frame, { kind, isForOperator }: SignupView): string | false {
  if (isForOperator) return texts.signup.operatorHelp(brand.name)
  return kind === 'invite' && texts.signup.inviteHelp(brand.name)
}

function personFields(
  frame: Frame,
  { username, email, name, isUsernameFixed, isEmailFixed, error }: SignupView,
): Markup {
  const { signup } = frame.texts
  const asUsername = html`type="text" autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false"
  pattern="[A-Za-z0-9._\\-]{1,64}" maxlength="64" required ${isUsernameFixed && html`readonly`}
  ${username === undefined && html`autofocus`}`
  const asEmail = html`type="email" autocomplete="email" maxlength="254" ${isEmailFixed && html`readonly`}`
  return html`${parts.field(frame, { name: 'username', label: signup.username, value: username, attributes: asUsername, hint: isUsernameFixed ? undefined : signup.usernameHelp, error })}
  ${parts.field(frame, { name: 'name', label: signup.name, value: name, attributes: html`type="text" autocomplete="name" maxlength="200"`, isOptional: true, error })}
  ${parts.field(frame, { name: 'email', label: signup.email, value: email, attributes: asEmail, isOptional: !isEmailFixed, error })}`
}

function waysIn(frame: Frame, { hasPassword, hasPasskey, leastCharacters, error }: SignupView): Markup {
  const { signup } = frame.texts
  const passkey =
    hasPasskey &&
    html`<div class="stack" data-passkeys hidden>
        ${parts.passkeyButton('create', signup.createPasskey, 'wide')}${hasPassword && html`<p class="or flush">${signup.orPassword}</p>`}
      </div>
      ${parts.passkeyAlert(frame)}`
  const password =
    hasPassword &&
    html`${parts.newPasswordField(frame, { label: signup.password, leastCharacters, error, isOptional: hasPasskey })}
    ${parts.submit('create', signup.create, hasPasskey ? 'wide quiet' : 'wide')}`
  return html`${passkey}${password}`
}
