/** Signing out: the question, and its end. */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import * as parts from '../parts.ts'
import { plainLine } from '../plain-text.ts'
import type { PageBody } from '../layout.ts'
import type { LogoutView } from '../views.ts'

export function logoutPage(frame: Frame, { account, client, isGoingBack, hidden }: LogoutView): PageBody {
  const { logout } = frame.texts
  const help = client === undefined ? logout.help(frame.brand.name) : logout.helpFor(plainLine(client))
  const inside = html`${parts.personLine(account)}${parts.submit('logout', logout.signOut)}${parts.submit('stay', logout.stay, 'wide quiet')}`
  return {
    name: 'logout',
    title: logout.title,
    formsLeadTo: isGoingBack ? 'anywhere' : 'self',
    body: parts.gate(
      frame,
      html`${parts.lead(parts.iconTile('out'), logout.title, help)}${parts.form(frame, '/logout', inside, { hidden })}`,
    ),
  }
}

export function signedOutPage(frame: Frame): PageBody {
  const { signedOut } = frame.texts
  return {
    name: 'signed-out',
    title: signedOut.title,
    body: parts.gate(
      frame,
      html`${parts.lead(parts.iconTile('check', 'good'), signedOut.title, signedOut.help)}
        <div class="stack">
          <a class="button wide quiet" href="${frame.at('/account')}">${signedOut.signIn}</a>
        </div>`,
    ),
  }
}
