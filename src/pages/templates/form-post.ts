/** A form that carries the answer to the client (OAuth Form Post Response Mode): a script sends it, or the person. */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import * as parts from '../parts.ts'
import { plainLine } from '../plain-text.ts'
import type { PageBody } from '../layout.ts'
import type { FormPostView } from '../views.ts'

export function formPostPage(frame: Frame, { action, values, client }: FormPostView): PageBody {
  const { formPost } = frame.texts
  const fields = values.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)
  return {
    name: 'form-post',
    title: formPost.title,
    formsLeadTo: { origin: new URL(action).origin },
    // Of the prototype: a field may be named `submit`.
    inlineScript: 'HTMLFormElement.prototype.submit.call(document.forms[0])',
    body: parts.gate(
      frame,
      html`${parts.lead(parts.clientTile({ name: client }), formPost.title, formPost.help(plainLine(client)))}
        <form class="stack" method="post" action="${action}">
          ${fields}<button class="button wide">${formPost.goOn}</button>
        </form>`,
    ),
  }
}
