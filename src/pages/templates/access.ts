/** The account pages of sessions, apps and activity. */
import { html } from 'hono/html'
import { browserNameOf } from '../../ground/browser-name.ts'
import type { Frame } from '../frame.ts'
import type { Markup } from '../html.ts'
import * as parts from '../parts.ts'
import { initialOf, plainLine } from '../plain-text.ts'
import { scopeText } from '../scope-text.ts'
import type { PageBody } from '../layout.ts'
import { whenOf } from '../when.ts'
import type { ActivityView, AppsView, SessionsView } from '../account-views.ts'
import { room } from './account.ts'

export function sessionsPage(frame: Frame, view: SessionsView): PageBody {
  const { sessions } = frame.texts
  const hasOthers = view.sessions.some(({ isCurrent }) => !isCurrent)
  const others = parts.form(
    frame,
    '/account/sessions',
    html`<div class="row">${parts.submit('end-others', sessions.endOthers, 'bad')}</div>`,
  )
  const inside = html`<ul class="panel">
      ${view.sessions.map((each) => html`<li>${sessionItem(frame, view, each)}</li>`)}
    </ul>
    ${hasOthers && others}`
  return room(frame, 'sessions', view, inside, { help: sessions.help })
}

function sessionItem(frame: Frame, view: SessionsView, session: SessionsView['sessions'][number]): Markup {
  const { sessions, common } = frame.texts
  const { id, isCurrent, userAgent, address, createdAt, lastSeenAt, apps } = session
  const { isPhone } = browserNameOf(userAgent)
  const name = nameOfBrowser(frame, userAgent)
  const end = html`<button class="button bad low" name="action" value="end" aria-label="${sessions.end}: ${name}">
    ${sessions.end}
  </button>`
  return html`<div class="item top">
    ${parts.iconTile(isPhone ? 'phone' : 'device', 'small-tile')}
    <div class="grow">
      <strong>${name}</strong>${isCurrent && html`<p class="tags"><span class="tag">${sessions.current}</span></p>`}
      <p>
        ${parts.around(sessions.seen, whenOf(frame, lastSeenAt, view))} ·
        ${parts.around(sessions.since, whenOf(frame, createdAt, view))}
      </p>
      ${apps.length > 0 && html`<p>${sessions.apps(common.list(apps.map((app) => plainLine(app))))}</p>`}
      <p class="mono small">${address}</p>
    </div>
    ${parts.form(frame, '/account/sessions', end, { hidden: { id }, kind: 'bare' })}
  </div>`
}

function nameOfBrowser({ texts: { sessions } }: Frame, userAgent: string): string {
  const { browser, system } = browserNameOf(userAgent)
  if (browser === undefined) return sessions.unknown
  return system === undefined ? browser : sessions.on(browser, system)
}

export function appsPage(frame: Frame, view: AppsView): PageBody {
  const { apps } = frame.texts
  const none = html`<div class="panel padded row nowrap">
    ${parts.iconTile('apps', 'small-tile')}
    <p class="soft">${apps.none}</p>
  </div>`
  const list = html`<ul class="panel">
    ${view.apps.map((each) => html`<li>${appItem(frame, view, each)}</li>`)}
  </ul>`
  return room(frame, 'apps', view, view.apps.length === 0 ? none : list, { help: apps.help })
}

function appItem(frame: Frame, view: AppsView, { clientId, scopes, since, ...app }: AppsView['apps'][number]): Markup {
  const name = plainLine(app.name)
  const { apps } = frame.texts
  const withdraw = html`<button
    class="button bad low"
    name="action"
    value="withdraw"
    aria-label="${apps.withdraw}: ${name}"
  >
    ${apps.withdraw}
  </button>`
  return html`<div class="item top">
    <span class="tile small-tile" aria-hidden="true">${initialOf(name)}</span>
    <div class="grow">
      <strong>${name}</strong>
      <p>${parts.around(apps.since, whenOf(frame, since, view))}</p>
      <ul class="tags">
        ${scopes.map((scope) => html`<li class="tag dim">${scopeText(frame, scope)}</li>`)}
      </ul>
    </div>
    ${parts.form(frame, '/account/apps', withdraw, { hidden: { client_id: clientId }, kind: 'bare' })}
  </div>`
}

export function activityPage(frame: Frame, view: ActivityView): PageBody {
  const { activity } = frame.texts
  const list = html`<ol class="panel">
    ${view.events.map((event) => html`<li class="item line">${eventItem(frame, view, event)}</li>`)}
  </ol>`
  const older = view.older !== undefined && html`<a class="button quiet low" href="${view.older}">${activity.older}</a>`
  const none = html`<div class="panel padded"><p class="soft">${activity.none}</p></div>`
  const inside = html`${view.events.length > 0 ? list : none}
    <div class="row">${older}</div>`
  return room(frame, 'activity', view, inside, { help: activity.help })
}

function eventItem(frame: Frame, view: ActivityView, event: ActivityView['events'][number]): Markup {
  const { activity, sessions } = frame.texts
  const { userAgent, address, app } = event
  const told = [
    activity.by[event.actorKind],
    userAgent === undefined ? '' : nameOfBrowser(frame, userAgent),
    app === undefined ? '' : sessions.apps(plainLine(app)),
  ].filter((each) => each !== '')
  return html`<div class="grow">
      <strong>${actionText(frame, event.action)}</strong>
      ${told.length > 0 && html`<p>${told.join(' · ')}</p>`}
      ${address !== undefined && html`<p class="mono small">${address}</p>`}
    </div>
    <span class="time">${whenOf(frame, event.at, view)}</span>`
}

function actionText({ texts }: Frame, action: string): string {
  const known: Readonly<Record<string, string>> = texts.activity.actions
  return Object.hasOwn(known, action) ? (known[action] ?? action) : texts.activity.other(action)
}
