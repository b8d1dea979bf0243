/** A person whose password was set by somebody else chooses a new one. */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import * as parts from '../parts.ts'
import type { PageBody } from '../layout.ts'
import type { MustChangeView } from '../views.ts'

export function mustChangePage(frame: Frame, { username, leastCharacters, error }: MustChangeView): PageBody {
  const { mustChange } = frame.texts
  const inside = html`${parts.alert(frame, error)}${parts.filedUnder(username)}
  ${parts.newPasswordField(frame, { label: mustChange.password, leastCharacters, error })}
  ${parts.submit('change-password', mustChange.change)}${parts.cancel(frame)}`
  return {
    name: 'must-change',
    title: mustChange.title,
    body: parts.gate(
      frame,
      html`${parts.lead(parts.iconTile('key'), mustChange.title, mustChange.help)}${parts.form(frame, '/login/must-change', inside)}`,
    ),
  }
}
