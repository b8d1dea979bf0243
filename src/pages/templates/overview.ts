/** The first account page: how the person signs in, and where. */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import type { Markup } from '../html.ts'
import { icon, type IconName } from '../icons.ts'
import * as parts from '../parts.ts'
import { plainLine } from '../plain-text.ts'
import type { PageBody } from '../layout.ts'
import { whenOf } from '../when.ts'
import type { OverviewView } from '../account-views.ts'
import { room } from './account.ts'

export function overviewPage(frame: Frame, view: OverviewView): PageBody {
  const { texts } = frame
  const { overview, account } = texts
  const when = (at: number) => whenOf(frame, at, view)
  const own = html`<ul class="panel">
    ${row(frame, '/account/profile', 'person', account.profile, parts.addressOf(view.account))}
  </ul>`
  const inside = html`${view.passkeys === 0 && tip(frame)}${own}
    <section class="stack tight">
      <h2>${overview.secure}</h2>
      <ul class="panel">
        ${secured(frame, view, when)}
      </ul>
    </section>
    <section class="stack tight">
      <h2>${overview.access}</h2>
      <ul class="panel">
        ${row(frame, '/account/sessions', 'device', account.sessions, overview.sessions(view.sessions))}
        ${row(frame, '/account/apps', 'apps', account.apps, overview.apps(view.apps))}
        ${row(frame, '/account/activity', 'clock', account.activity, view.lastLoginAt === null ? '' : parts.around(overview.lastLogin, when(view.lastLoginAt)))}
      </ul>
    </section>
    ${
      view.groups.length > 0 &&
      html`<section class="stack tight">
        <h2>${overview.groups}</h2>
        <p class="tags">${view.groups.map((name) => html`<span class="tag dim">${name}</span> `)}</p>
      </section>`
    }`
  return room(frame, 'overview', view, inside, {
    heading: overview.hello(parts.nameOf(view.account)),
    help: plainLine(view.account.username),
  })
}

function secured(frame: Frame, view: OverviewView, when: (at: number) => Markup): Markup {
  const { overview, account } = frame.texts
  const password = !view.hasPassword
    ? overview.passwordNone
    : view.passwordChangedAt === null
      ? account.on
      : parts.around(overview.passwordSet, when(view.passwordChangedAt))
  return html`${frame.hasPasswords && row(frame, '/account/password', 'key', account.password, password)}
  ${row(frame, '/account/passkeys', 'passkey', account.passkeys, overview.passkeys(view.passkeys))}
  ${row(frame, '/account/two-factor', 'shield', account.twoFactor, view.hasTotp && !view.isTwoFactorOffHere ? overview.twoFactorOn(view.recoveryCodes) : overview.twoFactorOff)}`
}

const row = (frame: Frame, path: string, picture: IconName, label: string, says: Markup | string): Markup =>
  html`<li>
    <a class="item" href="${frame.at(path)}"
      >${parts.iconTile(picture, 'small-tile')}<span class="grow"
        ><strong>${label}</strong><span class="hint">${says}</span></span
      >${icon('next', 'flip')}</a
    >
  </li>`

const tip = (frame: Frame): Markup =>
  html`<div class="notice plain">
    ${icon('passkey')}
    <p>${frame.texts.overview.tip} <a href="${frame.at('/account/passkeys')}">${frame.texts.passkeys.add}</a></p>
  </div>`
