/** `signet serve`: the issuer in the foreground, until a signal stops it. */
import { flushCompileCache } from 'node:module'
import type { Command } from 'commander'
import { readConfig } from '../config/config.ts'
import type { Config } from '../config/setting.ts'
import { toIso } from '../ground/clock.ts'
import type { FirstClient } from '../service/first-client.ts'
import type { RunningIssuer } from '../service/server.ts'
import { answer, bold } from './output.ts'
import { anotherSecret } from './registered.ts'
import { isCheckout, ownCommand } from './place.ts'

/** Under npm, Ctrl-C arrives twice, from the terminal and from npm. Two signals within this time count as one. */
const SAME_SIGNAL_MS = 300

/** After the stop nothing should keep the process alive. If something does, the process exits after this time. */
const LINGER_MS = 1000

interface ServeOptions {
  losePasskeys?: boolean
  new?: boolean
}

export function defineServe(command: Command): void {
  command
    .addHelpText(
      'after',
      '\nConfigured by SIGNET_ variables; docs/reference.md lists them.\n\nExample:\n  SIGNET_PORT=8080 signet serve',
    )
    .option('--lose-passkeys', 'start although another domain makes every passkey useless')
    .option('--new', 'make a new database although the keys folder belongs to another one, or to one that is gone')
    .action(async ({ losePasskeys = false, new: isNew = false }: ServeOptions, self: Command) => {
      const signalled = firstSignal()
      const config = readConfig(process.env)
      const { startIssuer } = await import('../service/server.ts')
      const running = await startIssuer(config, { losesPasskeys: losePasskeys, isNewWanted: isNew })
      answer(
        self,
        describe(running),
        () => greetingFor(running, config),
        anotherSecret(running.firstClient?.clientId ?? '', running.firstClient?.secret),
      )
      // Node writes the cache at exit, which a kill -9 prevents. It is written now, before the first requests arrive.
      flushCompileCache()
      await signalled
      await running.stop()
      setTimeout(() => process.exit(0), LINGER_MS).unref()
    })
}

/** Resolves at the first SIGTERM, SIGINT or SIGHUP. A second one ends the process at once. */
function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    let since: number | undefined
    const onSignal = () => {
      if (since !== undefined && performance.now() - since > SAME_SIGNAL_MS) process.exit(1)
      since ??= performance.now()
      resolve()
    }
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, onSignal)
  })
}

const describe = ({ issuer, url, port, firstClient, firstInvitation }: RunningIssuer) => ({
  issuer,
  url,
  port,
  first_client: firstClient
    ? {
        client_id: firstClient.clientId,
        client_secret: firstClient.secret,
        resource: firstClient.resource,
        scope: firstClient.scope,
      }
    : null,
  first_invitation: firstInvitation ? { url: firstInvitation.url, expires_at: toIso(firstInvitation.expiresAt) } : null,
})

/** If the log was set to JSON, programs read stdout as well: the greeting is one line of JSON, as `--json` prints it. */
const greetingFor = (running: RunningIssuer, { logFormat, setBy }: Config): string =>
  logFormat === 'json' && setBy.logFormat !== undefined ? JSON.stringify(describe(running)) : greeting(running)

function greeting({ issuer, url, firstClient, firstInvitation }: RunningIssuer): string {
  const serves = `Signet serves ${issuer}${issuer === url ? '' : ` at ${url}`}`
  return firstClient ? `${serves}\n\n${welcome(url, firstClient, firstInvitation)}` : serves
}

/** The first steps with Signet, as lines that can be pasted into any POSIX shell; the text around them is a comment there. */
function welcome(
  url: string,
  { clientId, secret, resource, scope }: FirstClient,
  invitation: RunningIssuer['firstInvitation'],
): string {
  const ask = `curl -sS -u '${clientId}:${secret}'`
  const member = (name: string) => `$(echo "$TOKENS" | sed 's/.*"${name}":"\\([^"]*\\)".*/\\1/')`
  const [readScope = ''] = scope.split(' ')
  return [
    `# ${bold('Your first client')}, made this once. Its secret is not kept: copy it now.`,
    `#   client_id      ${clientId}`,
    `#   client_secret  ${secret}`,
    `#   resource       ${resource} (scopes: ${scope})`,
    ...(invitation
      ? [`# ${bold('The first operator')} signs up here, once, until ${toIso(invitation.expiresAt)}: ${invitation.url}`]
      : []),
    '',
    '# Fetch a token:',
    `TOKENS=$(${ask} -d grant_type=client_credentials -d scope=${readScope}+offline_access ${url}/token); echo "$TOKENS"`,
    '# Refresh it:',
    `TOKENS=$(${ask} -d grant_type=refresh_token -d "refresh_token=${member('refresh_token')}" ${url}/token); echo "$TOKENS"`,
    '# Verify it:',
    `${ask} -d "token=${member('access_token')}" ${url}/introspect; echo`,
    '',
    `# Public keys for your API: ${url}/.well-known/jwks.json`,
    `# These run in ${isCheckout() ? 'any' : 'this'} folder:`,
    `#   ${ownCommand()} client rotate-secret ${clientId}    (a new secret)`,
    `#   ${ownCommand()} --help    (everything else)`,
  ].join('\n')
}
