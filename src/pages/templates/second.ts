/** The second factor: a code of the authenticator app, a passkey, or a recovery code. */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import type { Markup } from '../html.ts'
import * as parts from '../parts.ts'
import type { PageBody } from '../layout.ts'
import type { RecoveryView, SecondView } from '../views.ts'

export function secondPage(frame: Frame, view: SecondView): PageBody {
  const { second } = frame.texts
  const { hasTotp, hasPasskey, hasRecovery, account, error } = view
  const code = html`${parts.codeField(frame, second.code, error)}${parts.submit('verify', second.verify)}`
  const inside = html`${account && parts.personLine(account)}${parts.alert(frame, error)}${hasTotp && code}
  ${hasPasskey && html`${hasTotp && html`<p class="or flush" data-passkeys hidden>${frame.texts.common.or}</p>`}${parts.passkeyButton('second', second.usePasskey, hasTotp ? 'wide quiet' : 'wide')}${parts.passkeyAlert(frame)}`}
  ${parts.cancel(frame)}`
  const recovery = hasRecovery && link(frame, '/login/recovery', second.useRecovery)
  return {
    name: 'second',
    title: second.title,
    usesPasskeys: hasPasskey,
    formsLeadTo: 'anywhere',
    body: parts.gate(
      frame,
      html`${parts.lead(parts.iconTile('shield'), second.title, hasTotp ? second.help : second.helpPasskey)}
      ${parts.form(frame, '/login/second', inside)}${recovery}`,
    ),
  }
}

export function recoveryPage(frame: Frame, { account, error }: RecoveryView): PageBody {
  const { recovery } = frame.texts
  const attributes = html`type="text" autocomplete="off" autocapitalize="none" autocorrect="off" spellcheck="false"
  enterkeyhint="go" maxlength="64" required autofocus`
  const inside = html`${account && parts.personLine(account)}${parts.alert(frame, error)}
  ${parts.field(frame, { name: 'code', label: recovery.code, kind: 'code recovery', attributes, error, wrongSays: recovery.wrong })}
  ${parts.submit('verify', recovery.verify)}${parts.cancel(frame)}`
  return {
    name: 'recovery',
    title: recovery.title,
    formsLeadTo: 'anywhere',
    body: parts.gate(
      frame,
      html`${parts.lead(parts.iconTile('key'), recovery.title, recovery.help)}
      ${parts.form(frame, '/login/recovery', inside)}${link(frame, '/login/second', recovery.useCode)}`,
    ),
  }
}

/** Another way to take the same step of the same sign-in. */
function link(frame: Frame, path: string, says: string): Markup {
  const query = frame.tx === undefined ? '' : `?${new URLSearchParams({ tx: frame.tx }).toString()}`
  return html`<p class="links"><a href="${frame.at(path)}${query}">${says}</a></p>`
}
