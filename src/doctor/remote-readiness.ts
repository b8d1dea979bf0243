/** Why a running server takes no traffic, by its own words: only the server knows which files and keys it has. */
import { bad, type Check } from './check.ts'

const WITHIN_MS = 5000

/** No finding where it is ready, or where nothing answers as Signet does: a proxy need not pass this path on. */
export async function checkReadiness(issuer: string): Promise<Check[]> {
  const address = `${issuer.replace(/\/$/, '')}/readyz`
  const reason = await readReason(address).catch(() => undefined)
  if (reason === undefined) return []
  return [bad('server', `${address} answers 503: ${reason}`, 'do as it says; the log of the server names the cause')]
}

async function readReason(address: string): Promise<string | undefined> {
  const answer = await fetch(address, { redirect: 'manual', signal: AbortSignal.timeout(WITHIN_MS) })
  const { status, reason }: { status?: unknown; reason?: unknown } = Object(await answer.json())
  if (answer.status !== 503 || typeof status !== 'string') return undefined
  return typeof reason === 'string' ? reason : status
}
