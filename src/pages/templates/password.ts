/** A new password for a person who is signed in. */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import * as parts from '../parts.ts'
import type { PageBody } from '../layout.ts'
import type { PasswordView } from '../account-views.ts'
import { room } from './account.ts'

export function passwordPage(frame: Frame, view: PasswordView): PageBody {
  const { changePassword } = frame.texts
  const { leastCharacters, error, hasPassword, account } = view
  const inside = html`${parts.filedUnder(account.username)}
    ${parts.newPasswordField(frame, { label: changePassword.password, leastCharacters, error })}
    <div class="row">
      ${parts.submit('change-password', hasPassword ? changePassword.change : changePassword.set, '')}
    </div>`
  return room(
    frame,
    'password',
    view,
    html`<section class="panel padded">
      ${parts.form(frame, '/account/password', inside, { kind: 'stack narrow' })}
    </section>`,
    { help: hasPassword ? changePassword.help : changePassword.none },
  )
}
