/** Names, language and time zone: what a person tells of oneself. */
import { html } from 'hono/html'
import type { Frame } from '../frame.ts'
import type { Markup } from '../html.ts'
import * as parts from '../parts.ts'
import { plainLine } from '../plain-text.ts'
import type { PageBody } from '../layout.ts'
import type { ProfileField, ProfileView } from '../account-views.ts'
import { room } from './account.ts'

const LANGUAGES = { en: 'English', de: 'Deutsch', zh: '中文' }

export function profilePage(frame: Frame, view: ProfileView): PageBody {
  const { profile, account } = frame.texts
  const inside = html`${fixed(frame, view)}
    <section class="panel padded">
      ${parts.form(
        frame,
        '/account/profile',
        html`${fields(frame, view)}
          <div class="row">${parts.submit('save', account.save, '')}</div>`,
      )}
    </section>`
  return room(frame, 'profile', view, inside, { help: profile.help })
}

/** The facts that only the operator changes. */
function fixed({ texts }: Frame, { account, id, isEmailVerified }: ProfileView): Markup {
  const { profile } = texts
  const state = html`<span class="tag ${!isEmailVerified && 'dim'}"
    >${isEmailVerified ? profile.verified : profile.unverified}</span
  >`
  return html`<section class="panel">
    <dl class="padded stack tight told">
      <div>
        <dt>${profile.username}</dt>
        <dd>${plainLine(account.username)}</dd>
      </div>
      ${
        account.email !== null &&
        html`<div>
          <dt>${profile.email}</dt>
          <dd>${plainLine(account.email, 254)} ${state}</dd>
        </div>`
      }
      <div>
        <dt>${profile.id}</dt>
        <dd class="mono small">${id}</dd>
      </div>
    </dl>
    <p class="padded hint">${profile.emailFixed}</p>
  </section>`
}

function fields(frame: Frame, view: ProfileView): Markup {
  const { profile } = frame.texts
  const { error, values } = view
  const text = (name: ProfileField, label: string, autocomplete: string, hint?: string) =>
    parts.field(frame, {
      name,
      label,
      value: values[name],
      hint,
      error,
      attributes: html`type="text" autocomplete="${autocomplete}" maxlength="200"`,
    })
  return html`${text('name', profile.name, 'name')}
    <div class="two">
      ${text('given_name', profile.givenName, 'given-name')}${text('family_name', profile.familyName, 'family-name')}
    </div>
    <div class="two">${text('nickname', profile.nickname, 'nickname')}${languages(frame, view)}</div>
    ${text('zoneinfo', profile.zoneinfo, 'off', profile.zoneHint)}`
}

function languages(frame: Frame, { values: { locale }, error }: ProfileView): Markup {
  const { profile } = frame.texts
  const known: Record<string, string> = { '': profile.browserLocale, ...LANGUAGES }
  // A value that an operator has given stays, although it is none of ours.
  if (known[locale] === undefined) known[locale] = plainLine(locale)
  return parts.choice(frame, { name: 'locale', label: profile.locale, value: locale, error }, known)
}
