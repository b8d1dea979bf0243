/** GET and POST /account/profile: the names, the language and the time zone of the person. */
import { orNone } from '../ground/blank.ts'
import { basePath } from '../http/endpoint-url.ts'
import type { Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import type { UserRecord } from '../store/records/user.ts'
import type { UserRegistry } from '../users/registration.ts'
import { seeOther } from './html.ts'
import { actorOf, changeOwn, ownFrame, ownView, type OwnNeeds } from './account-page.ts'
import { requireSession, type SignedIn } from './session.ts'
import { show } from './show.ts'
import { profilePage } from './templates/profile.ts'
import type { ProfileField, ProfileView } from './account-views.ts'
import type { FormError } from './views.ts'
import { isTimeZone } from './when.ts'

export type ProfileNeeds = OwnNeeds & { userRegistry: UserRegistry }

const PATH = '/account/profile'
const MOST_CHARACTERS = 200

const FIELDS = ['name', 'given_name', 'family_name', 'nickname', 'locale', 'zoneinfo'] as const

type Values = Record<ProfileField, string>

export const showProfile =
  (needs: ProfileNeeds) =>
  async (call: PageCall): Promise<Reply> => {
    const signedIn = await requireSession(call, needs, PATH)
    const isSaved = call.sent.get('done') === 'saved'
    return showForm(call, signedIn, needs, {
      values: valuesOf(signedIn.person.user),
      ...(isSaved && { notice: 'saved' }),
    })
  }

export const changeProfile =
  (needs: ProfileNeeds) =>
  async (call: PageCall): Promise<Reply> => {
    const signedIn = await requireSession(call, needs, PATH)
    const address = `${basePath(needs.issuer)}${PATH}`
    if (call.sent.get('action') !== 'save') return seeOther(address)
    const before = valuesOf(signedIn.person.user)
    const values = sentValues(call, before)
    const error = findFault(values, before) ?? (await save(call, signedIn, values, needs))
    if (error) return showForm(call, signedIn, needs, { values, error }, 422)
    return seeOther(`${address}?done=saved`)
  }

async function save(
  call: PageCall,
  signedIn: SignedIn,
  values: Values,
  { userRegistry, issuer }: ProfileNeeds,
): Promise<FormError | undefined> {
  const metadata = Object.fromEntries(FIELDS.map((field) => [field, orNone(values[field])]))
  const { id } = signedIn.person.user
  const act = userRegistry.update(id, metadata, actorOf(signedIn, call), { inSession: signedIn.session.id })
  const changed = await changeOwn(act, PATH, issuer)
  return changed ? undefined : { code: 'invalid_value' }
}

const valuesOf = ({ name, profile }: UserRecord): Values => ({
  name: name ?? '',
  given_name: profile.given_name ?? '',
  family_name: profile.family_name ?? '',
  nickname: profile.nickname ?? '',
  locale: profile.locale ?? '',
  zoneinfo: profile.zoneinfo ?? '',
})

/** A field that the form does not bring stays as it is. */
function sentValues({ sent }: PageCall, before: Values): Values {
  const read = (field: ProfileField) => (sent.has(field) ? (sent.get(field) ?? '').trim() : before[field])
  return {
    name: read('name'),
    given_name: read('given_name'),
    family_name: read('family_name'),
    nickname: read('nickname'),
    locale: read('locale'),
    zoneinfo: read('zoneinfo'),
  }
}

/** A value that an operator has set may stay, whatever it is. */
function findFault(values: Values, before: Values): FormError | undefined {
  const changed = FIELDS.filter((field) => values[field] !== before[field])
  for (const field of changed) {
    const value = values[field]
    if (value.length > MOST_CHARACTERS) return { code: 'too_long', field }
    if (/[\p{Cc}\u2028\u2029]/u.test(value)) return { code: 'invalid_value', field }
    if (field === 'locale' && value !== '' && !/^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}$/.test(value))
      return { code: 'invalid_value', field }
    if (field === 'zoneinfo' && value !== '' && !isTimeZone(value)) return { code: 'bad_zone', field }
  }
  return undefined
}

function showForm(
  call: PageCall,
  signedIn: SignedIn,
  needs: ProfileNeeds,
  more: Pick<ProfileView, 'values' | 'error' | 'notice'>,
  status = 200,
): Promise<Reply> {
  const { id, emailKey } = signedIn.person.user
  const frame = ownFrame(call, signedIn, needs)
  const view = { ...ownView(signedIn, needs), id, isEmailVerified: emailKey !== null, ...more }
  return show(frame, profilePage(frame, view), { status })
}
