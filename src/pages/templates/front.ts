/** The page of `/`: the way to the account, and the addresses for whoever sets up an app or an API. */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import type { Markup } from '../html.ts'
import { icon } from '../icons.ts'
import * as parts from '../parts.ts'
import type { PageBody } from '../layout.ts'
import type { FrontView } from '../views.ts'

export function frontPage(frame: Frame, { issuer, addresses }: FrontView): PageBody {
  const { front } = frame.texts
  const card = html`${parts.lead('', front.title, front.help(issuer))}
    <div class="stack">
      <a class="button wide" href="${frame.at('/account')}">${front.signIn}</a>
      <h2>${front.forBuilders}</h2>
      <ul class="panel">
        ${addresses.map((each) => row(frame, each))}
      </ul>
    </div>`
  return { name: 'front', title: front.title, body: parts.gate(frame, card, 'roomy') }
}

function row(frame: Frame, { name, path }: FrontView['addresses'][number]): Markup {
  const { label, says } = frame.texts.front[name]
  return html`<li>
    <a class="item" href="${frame.at(path)}"
      ><span class="grow"><strong>${label}</strong><span class="hint">${says}</span></span
      >${icon('next', 'flip')}</a
    >
  </li>`
}
