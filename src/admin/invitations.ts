/** /admin/api/invitations */
import { createdOf, nothing } from '../ground/shape.ts'
import { scope } from '../http/access.ts'
import { done, json } from '../http/reply.ts'
import { answerPage, pageOf, paging, readPageOfIds } from '../http/page.ts'
import { route, type Route } from '../http/route.ts'
import { ADMIN_SCOPE, READ_SCOPE } from '../resources/resource.ts'
import type { Invitations } from '../users/invitation.ts'
import { INVITATION, invitationSchema, invitationView, LINK, linkView } from '../users/link-wire.ts'
import { idOf, idParam } from './id.ts'

interface Needs {
  invitations: Invitations
}

const PATH = '/admin/api/invitations'
const SHARED = { access: scope(ADMIN_SCOPE), tag: 'Users' }

export const invitationsApi = (needs: Needs): Route[] => [
  listInvitations(needs),
  createInvitation(needs),
  revokeInvitation(needs),
]

const listInvitations = ({ invitations }: Needs) =>
  route(
    {
      get: PATH,
      access: scope(READ_SCOPE),
      tag: 'Users',
      query: paging('id'),
      id: 'listInvitations',
      says: 'List invitations that can be used, oldest first',
      answers: { 200: pageOf('A page of invitations.', INVITATION) },
      refuses: ['invalid_request'],
    },
    async (call) => {
      const page = readPageOfIds(call)
      return answerPage(call, page, await invitations.list(page), ({ id }) => id, invitationView)
    },
  )

const createInvitation = ({ invitations }: Needs) =>
  route(
    {
      post: PATH,
      ...SHARED,
      body: invitationSchema,
      isBodyOptional: true,
      example: { email: 'ada@example.com', groups: ['engineering'], ttl: '7d' },
      id: 'createInvitation',
      says: 'Invite somebody to make an account',
      tells: 'The link is shown in this answer alone. With `admin`, the new person is an operator.',
      answers: { 201: { ...createdOf('Made.', LINK), headers: {} } },
      refuses: ['invalid_request', 409],
    },
    async ({ body: { ttl, ...wanted }, actor }) =>
      json(linkView(await invitations.create({ ...wanted, ttlSeconds: ttl }, actor)), 201),
  )

const revokeInvitation = ({ invitations }: Needs) =>
  route(
    {
      delete: `${PATH}/:id`,
      ...SHARED,
      params: idParam('The id of an invitation', INVITATION.example.id),
      id: 'revokeInvitation',
      says: 'Take an invitation back',
      answers: { 204: nothing('Its link opens nothing any more.') },
      refuses: [404],
    },
    async (call) => {
      await invitations.revoke(idOf(call), call.actor)
      return done()
    },
  )
