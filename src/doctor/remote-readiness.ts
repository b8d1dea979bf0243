/** Why a running server takes no traffic, by its own words: only the server knows which files and keys it has. */
import type { Config } from '../config/setting.ts'
import { describeBringingBack } from '../store/open.ts'
import { bad, type Check } from './check.ts'

const WITHIN_MS = 5000

/** The part of the answer that the doctor reads. Another version may have sent it, so each member is looked at. */
interface Answer {
  status: string
  reason: string | undefined
  saved: boolean | undefined
}

/** No finding where it is ready, or where nothing answers as Signet does: a proxy need not pass this path on. */
export async function checkReadiness(
  issuer: string,
  config: Pick<Config, 'databaseUrl' | 'keysDir'>,
): Promise<Check[]> {
  const address = `${issuer.replace(/\/$/, '')}/readyz`
  const answer = await read(address).catch(() => undefined)
  if (answer === undefined) return []
  return [bad('server', `${address} answers 503: ${answer.reason ?? answer.status}`, stepFor(answer, config))]
}

async function read(address: string): Promise<Answer | undefined> {
  const response = await fetch(address, { redirect: 'manual', signal: AbortSignal.timeout(WITHIN_MS) })
  const { status, reason, saved }: { status?: unknown; reason?: unknown; saved?: unknown } = Object(
    await response.json(),
  )
  if (response.status !== 503 || typeof status !== 'string') return undefined
  return {
    status,
    reason: typeof reason === 'string' ? reason : undefined,
    saved: typeof saved === 'boolean' ? saved : undefined,
  }
}

function stepFor(
  { status, reason, saved }: Answer,
  { databaseUrl, keysDir }: Pick<Config, 'databaseUrl' | 'keysDir'>,
): string {
  if (saved === true) {
    const commands = describeBringingBack(databaseUrl) ?? 'run the commands in its log'
    return `stop the server; ${commands}; start the server`
  }
  if (saved === false)
    return 'do not stop the server: its log names what keeps it from saving the copy; it tries again each second, and then: signet doctor'
  if (status === 'master_key_missing')
    return `put that master key into ${keysDir} of the server, which reads it within a second`
  if (status === 'stopping') return 'wait until it has stopped; to start it again: signet serve'
  return reason?.includes('restart it')
    ? 'restart the server, which then reads the files that are there; its log names the file'
    : 'the log of the server names the cause; after that is mended it is ready by itself'
}
