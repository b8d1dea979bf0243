/** The account pages: one shell, and what a person sees and changes in it. */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import type { Markup } from '../html.ts'
import { icon, type IconName } from '../icons.ts'
import * as parts from '../parts.ts'
import { initialOf } from '../plain-text.ts'
import type { PageBody } from '../layout.ts'
import type { AccountPageView, Notice } from '../account-views.ts'

const ROOMS = [
  { path: '/account', text: 'overview', icon: 'home' },
  { path: '/account/profile', text: 'profile', icon: 'person' },
  { path: '/account/password', text: 'password', icon: 'key' },
  { path: '/account/passkeys', text: 'passkeys', icon: 'passkey' },
  { path: '/account/two-factor', text: 'twoFactor', icon: 'shield' },
  { path: '/account/sessions', text: 'sessions', icon: 'device' },
  { path: '/account/apps', text: 'apps', icon: 'apps' },
  { path: '/account/activity', text: 'activity', icon: 'clock' },
] as const satisfies readonly { path: string; text: string; icon: IconName }[]

export type RoomName = (typeof ROOMS)[number]['text']

interface RoomTerms {
  heading?: string
  help?: string
  usesPasskeys?: boolean
}

/** An account page. @param help a sentence below the heading */
export function room(
  frame: Frame,
  name: RoomName,
  view: AccountPageView,
  inside: parts.Part,
  { heading = frame.texts.account[name], help, usesPasskeys = false }: RoomTerms = {},
): PageBody {
  const head = html`<header>
    <h1>${heading}</h1>
    ${help !== undefined && html`<p class="soft">${help}</p>`}
  </header>`
  const hello = html`<header>
    <span class="tile round" aria-hidden="true">${initialOf(parts.nameOf(view.account))}</span>
    <div>
      <h1>${heading}</h1>
      ${help !== undefined && html`<p class="soft">${help}</p>`}
    </div>
  </header>`
  const isOverview = name === 'overview'
  return {
    name: 'account',
    title: heading,
    usesPasskeys,
    body: html`${bar(frame, view)}
      <div class="house">
        <nav class="rooms" aria-label="${frame.texts.account.nav}">
          ${ROOMS.filter(({ text }) => text !== 'password' || frame.hasPasswords).map((each) => doorTo(frame, each, each.text === name))}
        </nav>
        <main id="main" class="room ${isOverview && 'hello'}" data-room="${name}">
          ${!isOverview && html`<a class="home" href="${frame.at('/account')}">${icon('previous', 'flip')}${frame.texts.account.title}</a>`}
          ${isOverview ? hello : head} ${noticeOf(frame, view.notice)}${parts.alert(frame, view.error)} ${inside}
        </main>
      </div>`,
  }
}

const doorTo = (frame: Frame, { path, text, icon: picture }: (typeof ROOMS)[number], isHere: boolean): Markup =>
  html`<a href="${frame.at(path)}" ${isHere && html`aria-current="page"`}
    >${icon(picture)}${frame.texts.account[text]}</a
  >`

function bar(frame: Frame, { account }: AccountPageView): Markup {
  const out = html`<button class="button plain low" name="action" value="logout">
    ${icon('out')}${frame.texts.account.signOut}
  </button>`
  return html`<header class="bar">
    <div>
      ${parts.brandOf(frame, frame.at('/account'))}
      <span class="name soft small wide-only">${parts.nameOf(account)}</span>
      ${parts.form(frame, '/logout', out, { kind: 'bare' })}
    </div>
  </header>`
}

function noticeOf({ texts }: Frame, notice: Notice | undefined): Markup | false {
  if (notice === undefined) return false
  const says = {
    saved: texts.account.saved,
    password_changed: texts.changePassword.changed,
    passkey_added: texts.passkeys.added,
    passkey_removed: texts.passkeys.removed,
    passkey_renamed: texts.passkeys.renamed,
    totp_enabled: `${texts.twoFactor.changed} ${texts.codes.shownOnce}`,
    totp_disabled: texts.twoFactor.disabled,
    session_ended: texts.sessions.ended,
    app_withdrawn: texts.apps.withdrawn,
  }[notice]
  return html`<div class="notice" role="status" data-notice="${notice}">
    ${icon('check')}
    <p>${says}</p>
  </div>`
}
