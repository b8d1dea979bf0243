/** Pages for what went wrong: what happened, what to do, and the id of the request. No raw input. */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import type { Markup } from '../html.ts'
import * as parts from '../parts.ts'
import { plainLine, visibleUri } from '../plain-text.ts'
import type { PageBody } from '../layout.ts'
import type { Texts } from '../texts/en.ts'
import type { ErrorView, MismatchView, NotAllowedView } from '../views.ts'

export function errorPage(frame: Frame, view: ErrorView): PageBody {
  const { code, retryAfterSeconds } = view
  const { texts } = frame
  const { title, help } = wordsOf(view, texts)
  const body = html`<div role="alert" data-error="${code}">
      ${parts.lead(parts.iconTile(code === 'not_found' ? 'lost' : 'warn', 'bad'), title, retryAfterSeconds === undefined ? help : texts.wait(retryAfterSeconds))}
    </div>
    <div class="stack">${wayOn(frame, view)}${facts(frame)}</div>`
  return { name: 'error', title, body: parts.gate(frame, body) }
}

function wordsOf(
  { code, isOfLink, openAt, again, finished }: ErrorView,
  { errors, elsewhere }: Texts,
): { title: string; help: string } {
  if (openAt !== undefined) return { title: elsewhere.title, help: elsewhere.help(openAt) }
  if (again !== undefined) return errors.stale
  if (finished) return errors.finished
  return code === 'expired' && isOfLink ? errors.link_expired : errors[code]
}

function wayOn(frame: Frame, { code, back, again, finished, isOfLink }: ErrorView): Markup | false {
  const { common, openAgain } = frame.texts
  if (again !== undefined) return html`<a class="button wide" href="${frame.at(again)}">${openAgain}</a>`
  if (finished) return wayFromFinished(frame, finished)
  if (back === undefined) return wayToAccount(frame, isOfLink && code === 'expired' ? undefined : code)
  return html`<a class="button wide" href="${back}" rel="noreferrer">${common.back}</a>`
}

/** The app can be opened by its own address; the account page is always there. */
function wayFromFinished({ at, texts }: Frame, { app }: NonNullable<ErrorView['finished']>): Markup {
  const toApp =
    app && html`<a class="button wide" href="${app.address}" rel="noreferrer">${texts.openApp(plainLine(app.name))}</a>`
  return html`${toApp}<a class="button wide ${app && 'quiet'}" href="${at('/account')}">${texts.toAccount}</a>`
}

/** A link that was used has made an account, as a rule: its owner signs in. */
function wayToAccount({ at, texts }: Frame, code: ErrorView['code'] | undefined): Markup | false {
  const says = code === 'not_found' || code === 'expired' ? texts.toAccount : code === 'link_used' && texts.login.signIn
  return says !== false && html`<a class="button wide quiet" href="${at('/account')}">${says}</a>`
}

/** The client is told `access_denied` when the person goes back. */
export function notAllowedPage(frame: Frame, { client, account }: NotAllowedView): PageBody {
  const { texts } = frame
  const title = texts.notAllowed.title(plainLine(client))
  const way = parts.form(
    frame,
    '/consent',
    html`${parts.personLine(account)}${parts.submit('back', texts.common.back)}`,
  )
  const body = html`<div role="alert" data-error="not_allowed">
      ${parts.lead(parts.iconTile('hand', 'bad'), title, texts.notAllowed.help(parts.nameOf(account)))}
    </div>
    <div class="stack">${way}${facts(frame)}</div>`
  return { name: 'error', title, body: parts.gate(frame, body) }
}

/** An operator may add the address that a client asked for (PEOPLE, finding 3). The request then goes on to that address. */
export function mismatchPage(frame: Frame, { client, redirectUri, action, hidden }: MismatchView): PageBody {
  const { texts } = frame
  const { title, help, help2, add } = texts.mismatch
  const way = parts.form(
    frame,
    action,
    html`<p class="box mono">${visibleUri(redirectUri)}</p>
      <p class="hint">${help2}</p>
      ${parts.submit('add-redirect-uri', add)}`,
    { hidden },
  )
  const body = html`<div role="alert" data-error="redirect_uri_mismatch">
      ${parts.lead(parts.iconTile('warn', 'bad'), title, help(plainLine(client)))}
    </div>
    <div class="stack">${way}${facts(frame)}</div>`
  return { name: 'error', title, formsLeadTo: 'anywhere', body: parts.gate(frame, body, 'roomy') }
}

const facts = ({ texts, requestId }: Frame): Markup =>
  html`<dl class="facts">
    <dt>${texts.common.requestId}</dt>
    <dd data-request-id>${requestId}</dd>
  </dl>`
