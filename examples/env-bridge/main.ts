/**
 * A server whose authentication is configured by environment variables. Without any of them it starts its own Signet and
 * uses that; as soon as one is set, the environment alone decides.
 */
import type { LocalSignet } from '../local-signet.ts'
import { announce, endAtSignal } from '../program.ts'
import { createBridge, type Bridge } from './server.ts'

const USER = { id: 'bridge-user', secretIn: 'BRIDGE_USER_SECRET' }
const isConfigured = Object.keys(process.env).some((name) => name.startsWith('AUTH_'))

const signet = isConfigured ? undefined : await startSignet()
const env = signet ? variablesFor(signet) : process.env
const bridge = tryCreate(env)

if (bridge) {
  const url = await bridge.server.listen({ host: '127.0.0.1', port: 0 })
  endAtSignal(
    () => bridge.server.close(),
    () => bridge.auth.close(),
    async () => signet?.stop(),
  )
  announce({ bridge: url, mode: modeOf(env), ...(signet && { signet: signet.issuer }) }, lines(url, signet))
}

/** The import is here, because this process needs no issuer when the environment names one. */
async function startSignet(): Promise<LocalSignet> {
  const { startLocalSignet } = await import('../local-signet.ts')
  return startLocalSignet(new URL('signet.yaml', import.meta.url), [USER])
}

/** A wrong configuration gives one line that names the variable, without a stack trace, and nothing is served. */
function tryCreate(variables: typeof env): Bridge | undefined {
  try {
    return createBridge(variables)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    console.error(`env-bridge does not start: ${error.message}`)
    process.exitCode = 1
    return undefined
  }
}

function variablesFor({ issuer }: LocalSignet): Record<string, string> {
  return {
    AUTH_ENABLED: 'true',
    AUTH_MODE: 'oidc',
    AUTH_JWT_ISSUER: issuer,
    AUTH_JWT_AUDIENCE: 'bridge',
    AUTH_COOKIE: 'bridge_token',
  }
}

function modeOf(variables: typeof env): string {
  return variables.AUTH_ENABLED?.trim().toLowerCase() === 'true' ? (variables.AUTH_MODE ?? '') : 'off'
}

function lines(url: string, local: LocalSignet | undefined): string {
  const use = `
  curl -H 'Authorization: Bearer TOKEN' ${url}/auth/me
  curl -b 'bridge_token=TOKEN' ${url}/auth/me
Other modes, for example:
  AUTH_ENABLED=true AUTH_MODE=static AUTH_TOKENS=first,second npm run example -- env-bridge`
  if (!local) return `Ask who you are:${use}`
  const client = `${USER.id}:${process.env[USER.secretIn]}`
  return `Get a token, and ask who you are:
  curl -u '${client}' -d grant_type=client_credentials ${local.issuer}/token${use}`
}
