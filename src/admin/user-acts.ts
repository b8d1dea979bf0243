/** Acts on one user below /admin/api/users/{id}: password, sign-in link, factors. */
import { invalidRequest } from '../ground/errors.ts'
import { answerOf, createdOf } from '../ground/shape.ts'
import { scope } from '../http/access.ts'
import { json } from '../http/reply.ts'
import { route, type Route } from '../http/route.ts'
import { ADMIN_SCOPE } from '../resources/resource.ts'
import type { LostFactors } from '../store/records/user.ts'
import type { UserRegistry } from '../users/registration.ts'
import { factorRemovalSchema, passwordSchema } from '../users/wire.ts'
import { LINK, linkSchema, linkView } from '../users/link-wire.ts'
import { idOf, idParam } from './id.ts'
import { USER, type Persons } from './persons.ts'

interface Needs {
  userRegistry: UserRegistry
}

export const userActs = (needs: Needs, persons: Persons): Route[] => [
  setPassword(needs, persons),
  makeLink(needs, persons),
  removeFactors(needs, persons),
]

const SHARED = {
  access: scope(ADMIN_SCOPE),
  tag: 'Users',
  params: idParam('The `sub` or the user name of a user', 'ada'),
  refuses: ['invalid_request', 404, 409] as const,
}
const AS_IT_IS = { 200: answerOf('The user as it is now.', USER) }

const setPassword = ({ userRegistry }: Needs, { requireUser, describeUser }: Persons) =>
  route(
    {
      post: '/admin/api/users/:id/password',
      ...SHARED,
      body: passwordSchema,
      example: { password: 'four words of no meaning', must_change: true },
      id: 'setUserPassword',
      says: 'Set a password',
      tells: 'Every session and grant of the person ends. With `must_change`, the next sign-in asks for another.',
      answers: AS_IT_IS,
    },
    async (call) => {
      const { user } = await requireUser(idOf(call))
      const { password, must_change: mustChange = false } = call.body
      return json(await describeUser(await userRegistry.setPassword(user.id, password, call.actor, { mustChange })))
    },
  )

const makeLink = ({ userRegistry }: Needs, { requireUser }: Persons) =>
  route(
    {
      post: '/admin/api/users/:id/link',
      ...SHARED,
      body: linkSchema,
      isBodyOptional: true,
      example: { ttl: '15m' },
      id: 'makeSignInLink',
      says: 'Make a link that signs the person in, once',
      tells:
        'For the locked-out. It ends the earlier ones, lives for 15 minutes unless `ttl` says otherwise, and is shown in this answer alone.',
      answers: { 201: { ...createdOf('Made.', LINK), headers: {} } },
    },
    async (call) => {
      const { user } = await requireUser(idOf(call))
      return json(linkView(await userRegistry.link(user.id, call.actor, call.body.ttl)), 201)
    },
  )

const removeFactors = ({ userRegistry }: Needs, { requireUser, describeUser }: Persons) =>
  route(
    {
      post: '/admin/api/users/:id/remove-factor',
      ...SHARED,
      body: factorRemovalSchema,
      example: { totp: true },
      id: 'removeUserFactors',
      says: 'Take factors away',
      tells:
        'One of the members is given: `passkey` names one, `totp` takes the codes with the recovery codes, `all` takes everything. The password stays. Where the person has none of it, the answer is 404.',
      answers: AS_IT_IS,
    },
    async (call) => {
      const { user } = await requireUser(idOf(call))
      return json(await describeUser(await userRegistry.removeFactors(user.id, lostOf(call.body), call.actor)))
    },
  )

function lostOf({
  passkey,
  totp,
  all,
}: {
  passkey?: string | undefined
  totp?: boolean | undefined
  all?: boolean | undefined
}): LostFactors {
  if (all) return { all }
  if (totp && passkey === undefined) return { totp }
  if (passkey !== undefined && !totp) return { passkeyId: passkey }
  throw invalidRequest('name one: passkey, totp or all')
}
