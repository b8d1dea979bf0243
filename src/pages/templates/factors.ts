/** The account pages of passkeys and of the second step. */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import type { Markup } from '../html.ts'
import * as parts from '../parts.ts'
import { plainLine } from '../plain-text.ts'
import type { PageBody } from '../layout.ts'
import { whenOf } from '../when.ts'
import type { PasskeysView, TwoFactorView } from '../account-views.ts'
import { room } from './account.ts'
import { recoveryCodes, totpSetup } from './totp.ts'

export function passkeysPage(frame: Frame, view: PasskeysView): PageBody {
  const { passkeys } = frame.texts
  const add = html`<div class="row">${parts.passkeyButton('add', passkeys.add, '')}</div>
    ${parts.passkeyAlert(frame)}`
  const list = html`<ul class="panel">
    ${view.passkeys.map((each) => html`<li>${passkeyItem(frame, view, each)}</li>`)}
  </ul>`
  const none = html`<div class="panel padded row nowrap">
    ${parts.iconTile('passkey', 'small-tile')}
    <p class="soft">${passkeys.none}</p>
  </div>`
  const inside = html`${view.passkeys.length > 0 ? list : none}${parts.form(frame, '/account/passkeys', add, { hidden: { action: 'add-passkey' } })}`
  return room(frame, 'passkeys', view, inside, { help: passkeys.help, usesPasskeys: true })
}

function passkeyItem(frame: Frame, view: PasskeysView, passkey: PasskeysView['passkeys'][number]): Markup {
  const { passkeys } = frame.texts
  const { id, isBackedUp, createdAt, lastUsedAt } = passkey
  const name = plainLine(passkey.name)
  const created = parts.around(passkeys.created, whenOf(frame, createdAt, view))
  const used = lastUsedAt === null ? passkeys.unused : parts.around(passkeys.used, whenOf(frame, lastUsedAt, view))
  const remove = html`<button
    class="button bad low"
    name="action"
    value="remove-passkey"
    aria-label="${passkeys.remove}: ${name}"
  >
    ${passkeys.remove}
  </button>`
  const rename = html`<input
      class="input"
      name="name"
      value="${name}"
      aria-label="${passkeys.name}"
      maxlength="64"
      autocomplete="off"
      required
    /><button class="button quiet low" name="action" value="rename-passkey">${passkeys.rename}</button>`
  return html`<div class="item top">
    ${parts.iconTile('passkey', 'small-tile')}
    <div class="grow">
      <strong>${name}</strong>
      <p>${created} · ${used}</p>
      <p class="tags"><span class="tag dim">${isBackedUp ? passkeys.synced : passkeys.bound}</span></p>
      <details class="rename small">
        <summary>${passkeys.rename}</summary>
        ${parts.form(frame, '/account/passkeys', rename, { hidden: { id }, kind: 'bare' })}
      </details>
    </div>
    ${parts.form(frame, '/account/passkeys', remove, { hidden: { id }, kind: 'bare' })}
  </div>`
}

export function twoFactorPage(frame: Frame, view: TwoFactorView): PageBody {
  const { twoFactor } = frame.texts
  return room(frame, 'twoFactor', { ...view, error: view.totp ? undefined : view.error }, stepOf(frame, view), {
    help: twoFactor.help,
  })
}

function stepOf(frame: Frame, view: TwoFactorView): Markup {
  if (view.recoveryCodes) {
    const { codesTitle } = frame.texts.enrol
    return html`<section class="panel padded stack">
      <h2>${codesTitle}</h2>
      ${recoveryCodes(frame, view.recoveryCodes)}
      <a class="button no-print" href="${frame.at('/account/two-factor')}">${frame.texts.codes.saved}</a>
    </section>`
  }
  if (view.totp)
    return html`<section class="panel padded">
      ${parts.form(frame, '/account/two-factor', totpSetup(frame, view.totp, view.error), { kind: 'stack narrow' })}
    </section>`
  if (view.isOffHere) return switchedOffHere(frame, view)
  return view.isOn ? switchedOn(frame, view) : switchedOff(frame)
}

/** The operator has switched it off for everybody: an app that was set up before may be removed. */
function switchedOffHere(frame: Frame, { isOn }: TwoFactorView): Markup {
  const { twoFactor } = frame.texts
  const remove = html`<div class="padded split">
    <p class="hint">${twoFactor.removeHelp}</p>
    ${parts.form(frame, '/account/two-factor', parts.submit('disable-totp', twoFactor.remove, 'bad low'), { kind: 'bare' })}
  </div>`
  return html`<section class="panel">
    <div class="padded row nowrap">
      ${parts.iconTile('phone', 'small-tile')}
      <p>${twoFactor.isOffHere}</p>
    </div>
    ${isOn && remove}
  </section>`
}

function switchedOff(frame: Frame): Markup {
  const { twoFactor, totp } = frame.texts
  return html`<section class="panel padded stack">
    <div class="row nowrap">
      ${parts.iconTile('phone', 'small-tile')}
      <p>${twoFactor.isOff}</p>
    </div>
    ${parts.form(frame, '/account/two-factor', html`<div class="row">${parts.submit('enable-totp', totp.enable, '')}</div>`)}
  </section>`
}

function switchedOn(frame: Frame, { isRequired, recoveryCodesLeft }: TwoFactorView): Markup {
  const { twoFactor } = frame.texts
  const send = (inside: Markup) => parts.form(frame, '/account/two-factor', inside, { kind: 'bare' })
  const off = isRequired
    ? html`<p class="hint">${twoFactor.required}</p>`
    : html`<p class="hint">${twoFactor.disableHelp}</p>
        ${send(parts.submit('disable-totp', twoFactor.disable, 'bad low'))}`
  return html`<section class="panel">
    <div class="padded row nowrap">
      ${parts.iconTile('shield', 'small-tile good')}
      <div>
        <strong>${twoFactor.isOn}</strong>
        <p class="hint">${twoFactor.left(recoveryCodesLeft)}</p>
      </div>
    </div>
    <div class="padded split">
      <p class="hint">${twoFactor.newCodesHelp}</p>
      ${send(parts.submit('new-recovery-codes', twoFactor.newCodes, 'quiet low'))}
    </div>
    <div class="padded split">${off}</div>
  </section>`
}
