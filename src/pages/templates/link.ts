/** A one-time sign-in link: GET shows, POST signs in (PEOPLE S2). */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import * as parts from '../parts.ts'
import type { PageBody } from '../layout.ts'
import type { LinkView } from '../views.ts'

export function linkPage(frame: Frame, { account, token, error }: LinkView): PageBody {
  const { link } = frame.texts
  const inside = html`${parts.personLine(account)}${parts.alert(frame, error)}${parts.submit('sign-in', link.signIn)}`
  return {
    name: 'link',
    title: link.title,
    body: parts.gate(
      frame,
      html`${parts.lead(parts.iconTile('key'), link.title, link.help(parts.nameOf(account)))}
      ${parts.form(frame, '/link', inside, { hidden: { token } })}`,
    ),
  }
}
