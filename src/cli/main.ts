/**
 * The command line. Each noun has one file, which is loaded when a command needs it. The acts stand in the rooms
 * below. Here their outcome becomes an exit code: 0 done, 1 failed, 2 bad usage.
 */
import { Command, CommanderError } from 'commander'
import { Fault, OAuthError, Unavailable } from '../ground/errors.ts'
import { readCommit, readVersion } from '../ground/version.ts'
import { refuseGivenTwice } from './given-twice.ts'
import { requireNoEmptyValue } from './no-empty-value.ts'
import { complain, endUnwritten } from './output.ts'
import { startFilesAtCaller } from './place.ts'
import { ChecksFailed, UsageError } from './usage.ts'

type Define = (command: Command) => void

interface Noun {
  summary: string
  load: () => Promise<Define>
}

/** In the order in which a new user needs them. */
const NOUNS: Record<string, Noun> = {
  serve: { summary: 'run the issuer until it is stopped', load: async () => (await import('./serve.ts')).defineServe },
  client: { summary: 'who may ask for tokens', load: async () => (await import('./client.ts')).defineClient },
  resource: {
    summary: 'the APIs that accept tokens',
    load: async () => (await import('./resource.ts')).defineResource,
  },
  user: {
    summary: 'the people who sign in',
    load: async () => (await import('./user.ts')).defineUser,
  },
  group: {
    summary: 'what users belong to, and what it gives them',
    load: async () => (await import('./group.ts')).defineGroup,
  },
  invite: {
    summary: 'make a link by which somebody makes an account',
    load: async () => (await import('./invite.ts')).defineInvite,
  },
  key: {
    summary: 'the signing keys: list, rotate, revoke, export',
    load: async () => (await import('./key.ts')).defineKey,
  },
  'master-key': {
    summary: 'the master keys: list, rotate, use, retire',
    load: async () => (await import('./master-key.ts')).defineMasterKey,
  },
  token: {
    summary: "mint an operator's token, or see why one is refused",
    load: async () => (await import('./token.ts')).defineToken,
  },
  blacklist: {
    summary: 'deny tokens that are otherwise valid',
    load: async () => (await import('./blacklist.ts')).defineBlacklist,
  },
  grant: {
    summary: 'authorisations with their refresh tokens',
    load: async () => (await import('./grant.ts')).defineGrant,
  },
  session: {
    summary: 'the sign-ins of people in their browsers: list, end',
    load: async () => (await import('./session.ts')).defineSession,
  },
  audit: {
    summary: 'who did what: list',
    load: async () => (await import('./audit.ts')).defineAudit,
  },
  apply: {
    summary: 'bring clients and resources to what a file declares',
    load: async () => (await import('./apply.ts')).defineApply,
  },
  export: {
    summary: 'write resources, clients and groups as a file that apply takes',
    load: async () => (await import('./export.ts')).defineExport,
  },
  backup: {
    summary: 'copy the database to one file, from a running server too',
    load: async () => (await import('./backup.ts')).defineBackup,
  },
  restore: {
    summary: 'make a backup the database, where none is',
    load: async () => (await import('./restore.ts')).defineRestore,
  },
  doctor: {
    summary: 'find what is wrong with the deployment or with a token',
    load: async () => (await import('./doctor.ts')).defineDoctor,
  },
  status: {
    summary: 'what there is: issuer, database, keys, counts',
    load: async () => (await import('./status.ts')).defineStatus,
  },
  migrate: {
    summary: "bring the database up to this version's tables, or move everything elsewhere",
    load: async () => (await import('./migrate.ts')).defineMigrate,
  },
}

/** Runs one command line, without the program's name; resolves to the exit code. */
export async function main(argv: string[]): Promise<number> {
  process.stdout.on('error', endUnwritten)
  let program: Command | undefined
  try {
    program = await buildProgram(argv)
    await program.parseAsync(argv, { from: 'user' })
    return 0
  } catch (error) {
    return tell(error, program)
  }
}

/** Loads only the noun of the command. Of each other noun the help shows one line. */
async function buildProgram(argv: string[]): Promise<Command> {
  const program = new Command('signet')
    .description('Signet, a token issuer (OAuth 2.1).')
    .option('-V, --version', 'print version and commit')
    .on('option:version', () => tellVersion(argv))
    .option('--json', 'print one JSON value on stdout, and nothing else there')
    .hook('preAction', (_program, command) => requireNoEmptyValue(command))
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      // A program that reads JSON gets no help text for it.
      ...(argv.includes('--json') && { writeOut: (text: string) => process.stderr.write(text) }),
      outputError: (text, write) => write(text.replace(/^error: /, 'signet: ')),
    })
    .addHelpText(
      'after',
      '\nExample:\n  signet client create --id orders --scope "orders:read" --resource https://orders.example',
    )
  program.showHelpAfterError('  what is accepted: the same command with --help')
  const words = argv.filter((word) => !word.startsWith('-'))
  const asked = words[0] === 'help' ? words[1] : words[0]
  for (const [name, { summary, load }] of Object.entries(NOUNS)) {
    const command = program.command(name).description(summary)
    if (name === asked) (await load())(command)
  }
  refuseGivenTwice(program)
  startFilesAtCaller(program)
  return program
}

/** @throws CommanderError that ends the program with 0 */
function tellVersion(argv: string[]): never {
  const [version, commit] = [readVersion(), readCommit()]
  const text = commit === undefined ? version : `${version} (${commit})`
  const shown = argv.includes('--json') ? JSON.stringify({ version, commit: commit ?? null }) : text
  process.stdout.write(`${shown}\n`)
  throw new CommanderError(0, 'commander.version', text)
}

const ACCEPTED = 'what is accepted: the same command with --help'

/** Prints one line of fault and one of help. An expected error never shows a stack. */
function tell(error: unknown, program?: Command): number {
  // Commander has printed the message already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof ChecksFailed) return 1
  if (error instanceof UsageError) {
    complain(error.message, error.help ?? ACCEPTED)
    return 2
  }
  if (error instanceof Fault) complain(error.message, error.help)
  else if (error instanceof OAuthError) return tellRefusal(error, program)
  else if (error instanceof Unavailable) complain(error.message, error.help)
  else tellDefect(error)
  return 1
}

/** A refusal of what was typed is bad usage, wherever it is found; one that rests on the records is a failure. */
function tellRefusal({ code, message, isOfRecords }: OAuthError, program?: Command): number {
  const isUsage = !isOfRecords && (code === 'invalid_request' || code === 'invalid_client_metadata')
  complain(message, isUsage ? ACCEPTED : listingOf(program))
  return isUsage ? 2 : 1
}

/** The command that shows the records of the noun. Subcommands are loaded for this noun alone. */
function listingOf(program?: Command): string {
  const noun = program?.commands.find(({ commands }) => commands.some((each) => each.name() === 'list'))
  return noun === undefined ? 'see: signet status' : `see: signet ${noun.name()} list`
}

function tellDefect(error: unknown): void {
  complain(
    error instanceof Error ? error.message : String(error),
    'this is a defect of Signet, please report it; SIGNET_LOG_LEVEL=debug shows where it happened',
  )
  if (process.env.SIGNET_LOG_LEVEL === 'debug' && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
}
