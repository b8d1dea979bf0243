/** Setting up an authenticator app, and the recovery codes that come with it; at sign-in and on the account page. */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import type { Markup } from '../html.ts'
import * as parts from '../parts.ts'
import type { FormError, TotpSetupView } from '../views.ts'

/** The secret as a picture, a text and a link, and the field for the first code. Stands in a form. */
export function totpSetup(frame: Frame, { secret, uri, qr }: TotpSetupView, error: FormError | undefined): Markup {
  const { totp } = frame.texts
  return html`<ol class="stack steps">
    <li class="stack tight">
      <p>${totp.scan}</p>
      <figure class="qr">${qrCode(qr, totp.qr)}</figure>
      <p class="small"><a href="${uri}">${totp.open}</a></p>
      <div class="field">
        <p class="label" id="secret-label">${totp.orType}</p>
        <p class="box row nowrap">
          <span class="unseen" data-secret="${secret}" aria-labelledby="secret-label">${secret}</span
          ><span class="grow mono fours" aria-hidden="true">${inFours(secret)}</span>${parts.copyButton(frame, secret)}
        </p>
      </div>
    </li>
    <li class="stack tight">
      <p>${totp.thenType}</p>
      ${parts.alert(frame, error)}${parts.codeField(frame, totp.code, error)}${parts.submit('confirm-totp', totp.confirm)}
    </li>
  </ol>`
}

/** Four by four for the eye. The distance is none of the text: whoever copies it gets the secret in one piece. */
const inFours = (secret: string): Markup[] =>
  (secret.match(/.{1,4}/gu) ?? []).map((four) => html`<span>${four}</span><wbr />`)

/** Modules of the margin around the code: readers need four. */
const MARGIN = 4

/** Each run of dark modules in a row is one rectangle of the path. */
function qrCode(rows: TotpSetupView['qr'], says: string): Markup {
  const size = rows.length + MARGIN * 2
  const runs = rows.flatMap((row, y) =>
    darkRuns(row).map(([from, length]) => `M${from + MARGIN} ${y + MARGIN}h${length}v1h-${length}z`),
  )
  return html`<svg viewBox="0 0 ${size} ${size}" role="img" aria-label="${says}" shape-rendering="crispEdges">
    <path fill="#fff" d="M0 0h${size}v${size}H0z" />
    <path fill="#000" d="${runs.join('')}" />
  </svg>`
}

function darkRuns(row: readonly boolean[]): [from: number, length: number][] {
  const runs: [number, number][] = []
  for (const [x, isDark] of row.entries()) {
    const last = runs.at(-1)
    if (isDark && last && last[0] + last[1] === x) last[1] += 1
    else if (isDark) runs.push([x, 1])
  }
  return runs
}

/** Codes that are shown once, with ways to keep them. */
export function recoveryCodes(frame: Frame, codes: readonly string[]): Markup {
  const { texts } = frame
  return html`<p class="soft no-print">${texts.codes.help}</p>
    <ol class="codes" data-recovery-codes>
      ${codes.map((code) => html`<li>${code}</li>`)}
    </ol>
    <div class="pair no-print">
      ${parts.copyButton(frame, codes.join('\n'), texts.codes.copy)}
      <button class="button quiet low" type="button" data-print hidden>${texts.common.print}</button>
    </div>`
}
