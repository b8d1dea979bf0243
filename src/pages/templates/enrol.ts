/** A person who has to add a second factor before the sign-in goes on. */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import type { Markup } from '../html.ts'
import * as parts from '../parts.ts'
import type { PageBody } from '../layout.ts'
import type { EnrolView } from '../views.ts'
import { recoveryCodes, totpSetup } from './totp.ts'

export function enrolPage(frame: Frame, view: EnrolView): PageBody {
  const { enrol } = frame.texts
  const title = view.recoveryCodes ? enrol.codesTitle : view.isSetUp ? frame.texts.twoFactor.isOn : enrol.title
  const isChoice = !view.recoveryCodes && !view.totp && !view.isSetUp
  return {
    name: 'enrol',
    title,
    usesPasskeys: isChoice && view.canPasskey,
    body: parts.gate(
      frame,
      html`${parts.lead(parts.iconTile(view.recoveryCodes ? 'key' : 'shield'), title, isChoice && enrol.help)}
      ${parts.form(frame, '/login/enrol', stepOf(frame, view))}`,
      'roomy',
    ),
  }
}

function stepOf(frame: Frame, view: EnrolView): Markup {
  const { codes } = frame.texts
  if (view.recoveryCodes)
    return html`${recoveryCodes(frame, view.recoveryCodes)}${parts.submit('continue', codes.saved)}`
  if (view.isSetUp) return setUpBefore(frame)
  if (view.totp) return html`${totpSetup(frame, view.totp, view.error)}${parts.cancel(frame)}`
  return choice(frame, view)
}

function setUpBefore({ texts, at }: Frame): Markup {
  const { codes, twoFactor, formPost } = texts
  return html`<p class="soft">${codes.shownOnce}</p>
    ${parts.submit('continue', formPost.goOn)}
    <p class="links"><a href="${at('/account/two-factor')}">${twoFactor.newCodes}</a></p>`
}

function choice(frame: Frame, { canPasskey, canTotp, error }: EnrolView): Markup {
  const { enrol, totp, passkeys } = frame.texts
  const passkey = html`<div class="panel padded stack tight" data-passkeys hidden>
    <div class="row nowrap">
      ${parts.iconTile('passkey', 'small-tile')}
      <div>
        <h2>${enrol.passkeyTitle}</h2>
        <p class="hint">${enrol.passkeyHelp}</p>
      </div>
    </div>
    ${parts.passkeyButton('create', passkeys.add, 'wide')}
  </div>`
  const app = html`<div class="panel padded stack tight">
    <div class="row nowrap">
      ${parts.iconTile('phone', 'small-tile')}
      <div>
        <h2>${enrol.totpTitle}</h2>
        <p class="hint">${enrol.totpHelp}</p>
      </div>
    </div>
    ${parts.submit('enable-totp', totp.enable, 'wide quiet')}
  </div>`
  return html`${parts.alert(frame, error)}${canPasskey && html`${passkey}${parts.passkeyAlert(frame)}`}${canTotp && app}${parts.cancel(frame)}`
}
