/** `signet blacklist …`: entries that deny tokens. */
import { BY_CLI } from '../audit.ts'
import type { Command } from 'commander'
import { MOST_NAME_CHARACTERS, entryView, readInstant } from '../blacklist/wire.ts'
import { fromSeconds, systemClock, type Instant } from '../ground/clock.ts'
import { DURATION_FORM, parseDuration } from '../ground/duration.ts'
import { notFound } from '../ground/errors.ts'
import type { Denial } from '../blacklist/revocation.ts'
import type { BlacklistEntry } from '../store/records/blacklist.ts'
import type { Store } from '../store/store.ts'
import { looksSecret } from '../ground/looks-secret.ts'
import { readArgument } from '../ground/standard-input.ts'
import { nameDenial } from '../tokens/denial.ts'
import type { Issuer } from '../issuer.ts'
import { everyPage } from './every-page.ts'
import { mayMakeDatabase, withIssuer, withIssuerOrNew } from './open-issuer.ts'
import { answer, answerDone, fieldList, note, table } from './output.ts'
import { subcommand, withExample } from './subcommand.ts'
import { UsageError, readReason } from './usage.ts'

interface AddOptions {
  jti?: string
  sid?: string
  sub?: string
  client?: string
  token?: string
  reason?: string
  expires?: string
}

export function defineBlacklist(blacklist: Command): void {
  withExample(blacklist, 'add --client billing')
  mayMakeDatabase(
    subcommand(
      blacklist,
      'add',
      'deny one thing, here and wherever the feed is followed',
      'add --client billing --reason "its secret leaked"',
    ),
  )
    .option('--jti <jti>', 'one access token, by its id')
    .option('--sid <sid>', 'one grant: its access tokens, and its refresh tokens for good')
    .option('--sub <sub>', 'a subject, of a user the id: every token up to now, and new ones are refused')
    .option('--client <id>', 'a client: every token up to now, and new ones are refused')
    .option('--token <token>', 'the token itself, access or refresh; - reads it from standard input')
    .option('--reason <text>', 'for those who read the list')
    .option('--expires <duration>', 'when the entry ends: in 12h, or at a time such as 2030-01-31T12:00:00Z')
    .action(add)
  subcommand(blacklist, 'list', 'all entries', 'list').action(list)
  subcommand(
    blacklist,
    'remove <id>',
    'lift an entry: what is still unexpired is valid again, refresh tokens excepted',
    'remove 0192f0c1-2a3b-7c4d-8e5f-0123456789ab',
  ).action(remove)
}

async function add(options: AddOptions, command: Command): Promise<void> {
  const named = await readNamed(options)
  const reason = readReason(options.reason)
  const expiresAt = readExpiry(options.expires)
  await withIssuerOrNew(command, async (issuer) => {
    const { revocation, tokenState, clients } = issuer
    const denied =
      named.kind === 'token' ? await nameDenial(named.value, tokenState) : { kind: named.kind, value: named.value }
    const entry = await revocation.deny({ ...denied, reason, expiresAt }, BY_CLI)
    answerEntry(command, entry)
    if (named.kind === 'client_id' && !clients.find(named.value))
      note('no client has this id now: the entry refuses one that is made with it')
    if (named.kind === 'sub') await noteUserName(named.value, issuer)
    if (entry.issuedBefore > entry.createdAt) note(LATE_LINE)
  })
}

const LATE_LINE =
  'issued_before is in the future on purpose: a token that a wrong clock has dated ahead is denied too; once the entry is lifted or has ended it denies nothing'

/** The `sub` of a user is the id. An entry for the user name stops a backend's subject, and leaves the user signed in. */
async function noteUserName(sub: string, { userRegistry }: Pick<Issuer, 'userRegistry'>): Promise<void> {
  const person = await userRegistry.findNamed(sub)
  if (!person || person.user.id === sub) return
  const { id, username } = person.user
  note(`user ${username} is not stopped: tokens of this user have the sub ${id}; use: signet user disable ${username}`)
}

interface Named {
  kind: Denial['kind'] | 'token'
  value: string
}

async function readNamed({ jti, sid, sub, client, token }: AddOptions): Promise<Named> {
  const given = Object.entries({ jti, sid, sub, client_id: client, token }).filter(([, value]) => value !== undefined)
  const [first] = given
  if (given.length !== 1 || !first) throw new UsageError('give exactly one of --jti, --sid, --sub, --client, --token')
  const [kind, value = ''] = first as [Named['kind'], string | undefined] // the object above has these names
  if ((kind === 'jti' || kind === 'sid') && looksSecret(value))
    throw new UsageError('this is a token: give it as --token, and its entry is made from it')
  if (value === '') throw new UsageError('what is denied has a name of 1 character or more')
  if (kind === 'token') return { kind, value: (await readArgument(value)).trim() }
  if (value.length > MOST_NAME_CHARACTERS)
    throw new UsageError(`a name on the blacklist has at most ${MOST_NAME_CHARACTERS} characters`)
  return { kind, value }
}

function readExpiry(text: string | undefined): Instant | undefined {
  if (text === undefined) return undefined
  const now = systemClock.now()
  const seconds = parseDuration(text)
  const at = seconds !== undefined ? now + fromSeconds(seconds) : readInstant(text)
  if (at !== undefined && at > now) return at
  throw new UsageError(
    `--expires: read ${JSON.stringify(text)}; accepted: ${DURATION_FORM}, or a time in the future such as 2030-01-31T12:00:00Z`,
  )
}

function answerEntry(command: Command, entry: BlacklistEntry): void {
  const { id, kind, value, reason, issued_before, expires_at, created_at, created_by } = entryView(entry)
  answer(command, entryView(entry), () =>
    fieldList({ id, kind, value, reason, issued_before, expires_at, created_at, created_by }),
  )
}

const list = (_options: object, command: Command): Promise<void> =>
  withIssuer(async ({ store }) => {
    const entries = (
      await everyPage(
        (page) => store.listBlacklist(page),
        ({ id }) => id,
      )
    ).map(entryView)
    const rows = entries.map((each) => [each.id, each.kind, each.value, each.expires_at, each.reason, each.created_by])
    answer(command, entries, () =>
      table(['ID', 'KIND', 'VALUE', 'EXPIRES', 'REASON', 'BY'], rows, 'the blacklist is empty'),
    )
  })

const remove = (id: string, _options: object, command: Command): Promise<void> =>
  withIssuer(async ({ store, revocation }) => {
    const entry = await requireEntry(store, id)
    await revocation.lift(id, BY_CLI)
    const again = 'what it denied and has not expired is valid again, refresh tokens excepted'
    answerDone(command, entryView(entry), `the entry for ${entry.kind} ${entry.value} is lifted: ${again}`)
  })

async function requireEntry(store: Store, id: string): Promise<BlacklistEntry> {
  const entry = await store.findBlacklistEntry(id)
  if (!entry) throw notFound('this blacklist entry')
  return entry
}
