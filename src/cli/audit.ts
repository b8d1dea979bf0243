/** `signet audit …`: who did what. */
import type { Command } from 'commander'
import { auditEventView } from '../audit.ts'
import { readInstant } from '../blacklist/wire.ts'
import { fromSeconds, systemClock, type Instant } from '../ground/clock.ts'
import { DURATION_FORM, parseDuration } from '../ground/duration.ts'
import type { AuditEvent } from '../store/records/audit.ts'
import { everyPage } from './every-page.ts'
import { withIssuer } from './open-issuer.ts'
import { answer, table } from './output.ts'
import { subcommand, withExample } from './subcommand.ts'
import { UsageError } from './usage.ts'

interface Filter {
  target?: string
  request?: string
  since?: string
}

export function defineAudit(audit: Command): void {
  withExample(audit, 'list --since 1h')
  subcommand(audit, 'list', 'events, newest first', 'list --target billing --since 7d')
    .option('--target <id>', 'of one client, resource, user, grant or key')
    .option('--request <id>', 'of one request, by its X-Request-Id')
    .option('--since <duration>', 'of the last 12h, or from a time on such as 2030-01-31T12:00:00Z')
    .action(list)
}

async function list({ target, request: requestId, since }: Filter, command: Command): Promise<void> {
  const from = readBeginning(since)
  await withIssuer(async ({ store }) => {
    const events = await everyPage(
      (page) => store.listAudit({ ...page, target, requestId }),
      ({ id }) => id,
      ({ at }) => at >= from,
    )
    answer(command, events.map(auditEventView), () =>
      table(['AT', 'ACTOR', 'ACTION', 'TARGET', 'DETAILS', 'REQUEST'], events.map(rowOf), 'no events'),
    )
  })
}

function readBeginning(text: string | undefined): Instant {
  if (text === undefined) return 0
  const seconds = parseDuration(text)
  const at = seconds === undefined ? readInstant(text) : systemClock.now() - fromSeconds(seconds)
  if (at !== undefined) return at
  throw new UsageError(
    `--since: read ${JSON.stringify(text)}; accepted: ${DURATION_FORM}, or a time such as 2030-01-31T12:00:00Z`,
  )
}

function rowOf(event: AuditEvent): unknown[] {
  const { at, actor, action, target, details, request_id: requestId } = auditEventView(event)
  const described = Object.entries(details).map(([name, value]) => `${name}=${String(value)}`)
  return [at, actor, action, target, described.join(' '), requestId]
}
