/** Groups as they stand on the wire, in both directions. */
import { claimsSchema } from '../clients/field-schemas.ts'
import { toIso } from '../ground/clock.ts'
import { fieldsOf, schemasOf, shapesOf } from '../ground/metadata.ts'
import { schemaOf } from '../ground/schema.ts'
import { anything, flag, integer, orNull, shapeOf, text, texts, time } from '../ground/shape.ts'
import { BUILT_IN_GROUP, type GroupSummary } from '../store/records/user.ts'
import type { GroupMetadata } from './group.ts'
import { names, shortText } from './wire.ts'

const { field } = fieldsOf<{ [Name in keyof GroupMetadata]-?: Exclude<GroupMetadata[Name], undefined> }>()

/** Every member of a group that may be given: the admin API, the declarative file, the command line and OpenAPI read it. */
export const GROUP_FIELDS = {
  roles: field('roles', {
    schema: names,
    shape: texts(),
    says: 'Roles of the members.',
    isSet: true,
    flag: '--role <role>',
    help: 'a role of its members (repeatable)',
    read: 'list',
  }),
  permissions: field('permissions', {
    schema: names,
    shape: texts(),
    says: 'Permissions of the members; `signet:admin` and `signet:read` make operators.',
    isSet: true,
    flag: '--permission <permission>',
    help: 'a permission of its members (repeatable)',
    read: 'list',
  }),
  claims: field('claims', {
    schema: claimsSchema,
    shape: anything(),
    says: 'Claims of the members.',
    flag: '--claim <name=value>',
    help: 'a claim of its members; value is JSON, else text (repeatable)',
    read: 'claims',
  }),
}

export const groupChangeSchema = schemaOf((z) =>
  z.strictObject(schemasOf(GROUP_FIELDS)).partial().meta({ id: 'GroupChange' }),
)

export const groupCreationSchema = schemaOf(() =>
  groupChangeSchema.zod.extend({ name: shortText.zod }).meta({ id: 'GroupCreation' }),
)

export const membersSchema = schemaOf((z) =>
  z.strictObject({ users: z.array(shortText.zod).min(1).max(1000, { abort: true }) }).meta({ id: 'MemberList' }),
)

export const groupView = ({ name, roles, permissions, claims, members, createdAt, updatedAt }: GroupSummary) => ({
  name,
  roles,
  permissions,
  claims,
  built_in: name === BUILT_IN_GROUP.name,
  members,
  created_at: createdAt === 0 ? null : toIso(createdAt),
  updated_at: updatedAt === 0 ? null : toIso(updatedAt),
})

export const GROUP = shapeOf<ReturnType<typeof groupView>>(
  'Group',
  {
    ...shapesOf(GROUP_FIELDS),
    name: text('Stands in the claim `groups`.'),
    built_in: flag('Whether it is always there.'),
    members: integer('How many users belong to it.'),
    created_at: orNull(time()),
    updated_at: orNull(time()),
  },
  {
    name: 'engineering',
    roles: ['editor'],
    permissions: ['orders.write'],
    claims: { org_slug: 'acme' },
    built_in: false,
    members: 12,
    created_at: '2026-01-31T12:00:00.000Z',
    updated_at: '2026-01-31T12:00:00.000Z',
  },
)
