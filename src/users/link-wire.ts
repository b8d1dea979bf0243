/** Invitations and sign-in links as they stand on the wire. A link itself is shown once, in the answer that makes it. */
import { durationSchema } from '../clients/field-schemas.ts'
import { toIso } from '../ground/clock.ts'
import { schemaOf } from '../ground/schema.ts'
import { integer, orNull, shapeOf, text, texts, time } from '../ground/shape.ts'
import type { OneTimeRecord } from '../store/records/one-time.ts'
import type { ShownLink } from './link.ts'
import { names, shortText } from './wire.ts'

export const linkSchema = schemaOf((z) =>
  z.strictObject({ ttl: durationSchema.zod }).partial().meta({ id: 'LinkRequest' }),
)

export const invitationSchema = schemaOf((z) =>
  z
    .strictObject({
      email: shortText.zod,
      groups: names.zod,
      admin: z.boolean(),
      uses: z.number().int(),
      ttl: durationSchema.zod,
    })
    .partial()
    .meta({ id: 'InvitationRequest' }),
)

export const invitationView = (link: OneTimeRecord<'invitation'>) => {
  const { email, groups, createdBy } = link.facts
  return {
    id: link.id,
    email,
    groups,
    uses_left: link.usesLeft,
    user_id: link.owner === '' ? null : link.owner,
    created_by: createdBy,
    created_at: toIso(link.createdAt),
    expires_at: toIso(link.expiresAt),
  }
}

export const INVITATION = shapeOf<ReturnType<typeof invitationView>>(
  'Invitation',
  {
    id: text('Names it, and opens nothing.'),
    email: orNull(text('The address of the new account.')),
    groups: texts('The groups of the new account.'),
    uses_left: integer('How many accounts it still makes.'),
    user_id: orNull(text('The user whose account it hands over.')),
    created_by: text('The actor who made it.'),
    created_at: time(),
    expires_at: time(),
  },
  {
    id: '019a6e3c-2222-7c3a-9b52-0c1f6f1f2a77',
    email: 'ada@example.com',
    groups: ['engineering'],
    uses_left: 1,
    user_id: null,
    created_by: 'cli',
    created_at: '2026-01-31T12:00:00.000Z',
    expires_at: '2026-02-07T12:00:00.000Z',
  },
)

export const linkView = ({ id, url, expiresAt }: ShownLink) => ({ id, url, expires_at: toIso(expiresAt) })

export const LINK = shapeOf<ReturnType<typeof linkView>>(
  'Link',
  {
    id: text('Names it, and opens nothing.'),
    url: text('The link itself, shown this once.'),
    expires_at: time(),
  },
  {
    id: '019a6e3c-2222-7c3a-9b52-0c1f6f1f2a77',
    url: 'https://auth.example.com/invite?token=…',
    expires_at: '2026-02-07T12:00:00.000Z',
  },
)
