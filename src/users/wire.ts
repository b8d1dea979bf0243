/** Users as they stand on the wire, in both directions. No hash and no secret is among it. */
import { claimsSchema, textOf, textOrNone } from '../clients/field-schemas.ts'
import { toIso } from '../ground/clock.ts'
import { fieldsOf, schemasOf, shapesOf } from '../ground/metadata.ts'
import { schemaOf } from '../ground/schema.ts'
import { anything, flag, integer, object, orNull, text, texts, time, type JsonSchema } from '../ground/shape.ts'
import type { Person } from '../store/records/user.ts'
import { groupNames, permissionsOf, rolesOf } from './person.ts'
import type { PROFILE_TEXTS, UserMetadata } from './user.ts'

export const shortText = textOf(1024)
export const names = schemaOf((z) => z.array(shortText.zod).max(200, { abort: true }))
const boolean = schemaOf((z) => z.boolean())

const { field } = fieldsOf<{ [Name in keyof UserMetadata]-?: Exclude<UserMetadata[Name], undefined> }>()

const profileText = (name: (typeof PROFILE_TEXTS)[number], says: string) =>
  field(name, { schema: textOrNone(1024), shape: orNull(text()), says })

/** Every member of a user that may be given: the admin API, the declarative file, the command line and OpenAPI read it. */
export const USER_FIELDS = {
  username: field('username', {
    schema: shortText,
    shape: text(),
    says: 'The name that signs in: 1 to 64 of `a-z 0-9 . _ -`.',
    flag: '--username <name>',
    help: 'another user name',
    read: 'text',
  }),
  email: field('email', {
    schema: schemaOf(() => shortText.zod.nullable()),
    shape: orNull(text()),
    says: 'The mail address.',
    flag: '--email <address>',
    help: 'mail address, which signs in too; it counts as verified',
    read: 'text',
  }),
  email_verified: field('email_verified', {
    schema: boolean,
    shape: flag(),
    says: 'Whether the address is proven, so that it signs in; one that an operator enters is, unless said otherwise.',
  }),
  name: field('name', {
    schema: textOrNone(1024),
    shape: orNull(text()),
    says: 'The full name.',
    flag: '--name <name>',
    help: 'full name',
    read: 'text',
  }),
  given_name: profileText('given_name', 'The given name (OIDC Core §5.1).'),
  family_name: profileText('family_name', 'The family name (OIDC Core §5.1).'),
  nickname: profileText('nickname', 'The casual name (OIDC Core §5.1).'),
  picture: profileText('picture', 'The URL of a picture (OIDC Core §5.1).'),
  locale: profileText('locale', 'The language, such as `de` (OIDC Core §5.1).'),
  zoneinfo: profileText('zoneinfo', 'The time zone, such as `Europe/Berlin` (OIDC Core §5.1).'),
  phone_number: profileText('phone_number', 'The phone number (OIDC Core §5.1).'),
  phone_number_verified: field('phone_number_verified', {
    schema: boolean,
    shape: flag(),
    says: 'Whether the phone number is proven (OIDC Core §5.1).',
  }),
  address: field('address', {
    schema: schemaOf((z) => z.record(shortText.zod, shortText.zod).nullable()),
    shape: orNull(anything()),
    says: 'The postal address (OIDC Core §5.1.1).',
  }),
  groups: field('groups', {
    schema: names,
    shape: texts(),
    says: 'The groups that the user belongs to.',
    isSet: true,
    flag: '--group <name>',
    help: 'a group that the user belongs to (repeatable); the others are left',
    read: 'list',
  }),
  claims: field('claims', {
    schema: claimsSchema,
    shape: anything(),
    says: 'Claims of the user alone. Texts named `middle_name`, `profile`, `website`, `gender` and `birthdate` are given with scope `profile` (OIDC Core §5.4).',
    flag: '--claim <name=value>',
    help: 'a claim of this user; value is JSON, else text (repeatable)',
    read: 'claims',
  }),
  must_change_password: field('must_change_password', {
    schema: boolean,
    shape: flag(),
    says: 'Whether the next sign-in asks for another password.',
  }),
}

/** The acts on a user that are no members of it, by the names that callers try. */
const ACTS: Readonly<Record<string, string>> = {
  disabled: 'POST /admin/api/users/{id}/disable, and /enable',
  password: 'POST /admin/api/users/{id}/password',
  factors: 'POST /admin/api/users/{id}/remove-factor',
}

/** The act that does what a caller wants to set, for a member that is none; `undefined` for an unknown name. */
function actInstead(keys: readonly string[]): string | undefined {
  const name = keys.find((key) => Object.hasOwn(ACTS, key))
  return name && `member ${name} is not set here: ${ACTS[name]}`
}

/** A change of a user: absent members stay as they are, `null` takes one away. Unknown ones are refused. */
export const userChangeSchema = schemaOf((z) =>
  z
    .strictObject(schemasOf(USER_FIELDS), {
      error: (issue) => actInstead(issue.code === 'unrecognized_keys' ? issue.keys : []),
    })
    .partial()
    .meta({ id: 'UserChange' }),
)

export const userCreationSchema = schemaOf((z) =>
  userChangeSchema.zod
    .extend({
      username: shortText.zod,
      id: shortText.zod.optional(),
      password: shortText.zod.optional(),
      invite: z.boolean().optional(),
    })
    .meta({ id: 'UserCreation' }),
)

export const passwordSchema = schemaOf((z) =>
  z.strictObject({ password: shortText.zod, must_change: z.boolean().optional() }).meta({ id: 'PasswordSetting' }),
)

export const factorRemovalSchema = schemaOf((z) =>
  z
    .strictObject({ passkey: shortText.zod, totp: z.boolean(), all: z.boolean() })
    .partial()
    .meta({ id: 'FactorRemoval' }),
)

/** A user as administrators see one. Absent values are `null`. */
export const userView = (person: Person) => {
  const { user, factors } = person
  const { profile } = user
  return {
    id: user.id,
    username: user.username,
    email: user.email,
    email_verified: user.emailKey !== null,
    name: user.name,
    given_name: profile.given_name ?? null,
    family_name: profile.family_name ?? null,
    nickname: profile.nickname ?? null,
    picture: profile.picture ?? null,
    locale: profile.locale ?? null,
    zoneinfo: profile.zoneinfo ?? null,
    phone_number: profile.phone_number ?? null,
    phone_number_verified: profile.phone_number_verified ?? false,
    address: profile.address ?? null,
    groups: groupNames(person),
    roles: rolesOf(person),
    permissions: permissionsOf(person),
    claims: user.claims,
    disabled: user.disabledAt !== null,
    must_change_password: user.mustChangePassword,
    created_at: toIso(user.createdAt),
    updated_at: toIso(user.updatedAt),
    last_login_at: toIso(user.lastLoginAt),
    factors: {
      password: user.passwordHash !== null,
      passkeys: factors.passkeys,
      totp: user.totpSecret !== null,
      recovery_codes: factors.recoveryCodes,
      upstreams: 0,
    },
  }
}

export type UserView = ReturnType<typeof userView>

export const USER_SHAPES: Record<keyof UserView, JsonSchema> = {
  ...shapesOf(USER_FIELDS),
  id: text('Becomes `sub`; never given again.'),
  roles: texts('Roles that the groups give.'),
  permissions: texts('Permissions that the groups give.'),
  disabled: flag('Whether everything is refused to the person.'),
  created_at: time(),
  updated_at: time(),
  last_login_at: orNull(time('When the person signed in last.')),
  factors: object(
    {
      password: flag('Whether there is one.'),
      passkeys: integer('How many.'),
      totp: flag('Whether codes of an app are asked for.'),
      recovery_codes: integer('How many are left.'),
      upstreams: integer('How many accounts of other providers are linked.'),
    },
    'What the person can sign in with.',
  ),
}

export const USER_EXAMPLE: UserView = {
  id: '019a6e3c-1111-7c3a-9b52-0c1f6f1f2a77',
  username: 'ada',
  email: 'ada@example.com',
  email_verified: true,
  name: 'Ada Lovelace',
  given_name: null,
  family_name: null,
  nickname: null,
  picture: null,
  locale: null,
  zoneinfo: null,
  phone_number: null,
  phone_number_verified: false,
  address: null,
  groups: ['engineering'],
  roles: ['editor'],
  permissions: ['orders.write'],
  claims: { org_slug: 'acme' },
  disabled: false,
  must_change_password: false,
  created_at: '2026-01-31T12:00:00.000Z',
  updated_at: '2026-01-31T12:00:00.000Z',
  last_login_at: '2026-01-31T12:14:00.000Z',
  factors: { password: true, passkeys: 1, totp: false, recovery_codes: 0, upstreams: 0 },
}
