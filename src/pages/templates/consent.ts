/** A client of a third party asks for access: who asks, for what, and where the person is sent. */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import type { Markup } from '../html.ts'
import { icon } from '../icons.ts'
import * as parts from '../parts.ts'
import { plainLine } from '../plain-text.ts'
import type { PageBody } from '../layout.ts'
import { scopeText } from '../scope-text.ts'
import type { ConsentView, ScopeView } from '../views.ts'

export function consentPage(frame: Frame, view: ConsentView): PageBody {
  const { consent } = frame.texts
  const client = plainLine(view.client)
  const title = consent.title(client)
  const tile = parts.clientTile(frame.client ?? { name: client })
  const inside = html`${parts.personLine(view.account)}${warning(frame, view)}
    <div class="stack tight">
      <h2>${consent.wants(client)}</h2>
      ${wants(frame, view)}
    </div>
    ${view.redirectHost !== undefined && html`<p class="hint">${consent.sentTo(plainLine(view.redirectHost))}</p>`}
    <div class="pair">${parts.submit('allow', consent.allow, '')}${parts.submit('deny', consent.deny, 'quiet')}</div>
    <p class="hint">${consent.later}</p>
    ${papers(frame, view)}${switchOf(frame)}`
  const form = parts.form(frame, '/consent', inside, { kind: 'asked', hidden: { shown: view.shown } })
  return {
    name: 'consent',
    title,
    formsLeadTo: 'anywhere',
    body: parts.gate(frame, html`${parts.lead(tile, title)}${form}`, 'roomy'),
  }
}

/** The last button in the markup, so that no key and no program takes it for the answer. It stands beside the person. */
const switchOf = ({ texts }: Frame): Markup =>
  html`<button class="button plain low" name="action" value="switch">${texts.consent.notYou}</button>`

function warning({ texts }: Frame, { isLocalhostOnly }: ConsentView): Markup | false {
  if (!isLocalhostOnly) return false
  return html`<div class="alert calm" data-warning="localhost">
    ${icon('warn')}
    <p>${texts.consent.localhost}</p>
  </div>`
}

function wants(frame: Frame, { scopes, resources }: ConsentView): Markup {
  const { consent } = frame.texts
  return html`<ul class="wants">
      ${listOf(frame, scopes)}
    </ul>
    ${resources.map(
      ({ name, scopes: ofResource }) =>
        html`<h3 class="label soft">${consent.at(plainLine(name, 200))}</h3>
          <ul class="wants">
            ${listOf(frame, ofResource)}
          </ul>`,
    )}`
}

const listOf = (frame: Frame, scopes: readonly ScopeView[]): Markup[] =>
  scopes.map(
    (scope) => html`<li data-scope="${scope.scope}">${icon('check')}<span>${scopeText(frame, scope)}</span></li>`,
  )

function papers({ texts }: Frame, { policyUrl, termsUrl }: ConsentView): Markup | false {
  if (policyUrl === undefined && termsUrl === undefined) return false
  return html`<p class="links">
    ${termsUrl !== undefined && html`<a href="${termsUrl}" rel="noreferrer">${texts.common.terms}</a>`}
    ${policyUrl !== undefined && html`<a href="${policyUrl}" rel="noreferrer">${texts.common.privacy}</a>`}
  </p>`
}
