/** Load on one endpoint for a while, and what came of it. */
import autocannon from 'autocannon'

export interface Work {
  url: string
  method: 'GET' | 'POST'
  path: string
  headers?: Record<string, string>
  form?: Record<string, string>
  /** For refresh: the token that each connection begins with; each goes on with its successors. */
  refreshTokens?: string[]
}

export interface Round {
  requestsPerSecond: number
  /** Milliseconds. */
  p50: number
  p99: number
  failures: number
}

export const CONNECTIONS = 64

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** @param seconds how long; bounded, against loopback only */
export async function load(work: Work, seconds: number): Promise<Round> {
  const tokens = [...(work.refreshTokens ?? [])]
  const result = await autocannon({
    url: work.url,
    connections: CONNECTIONS,
    duration: seconds,
    requests: [
      {
        method: work.method,
        path: work.path,
        headers: { ...(work.method === 'POST' && FORM), ...work.headers },
        ...(work.form && { body: new URLSearchParams(work.form).toString() }),
      },
    ],
    ...(work.refreshTokens && {
      setupClient: (client) => {
        const present = (token: string) =>
          client.setBody(new URLSearchParams({ ...work.form, refresh_token: token }).toString())
        present(tokens.pop() ?? 'none left')
        client.on('body', (body: Buffer) => {
          const next = /"refresh_token":"([^"]+)"/.exec(body.toString())?.[1]
          if (next) present(next)
        })
      },
    }),
  })
  return {
    requestsPerSecond: result.requests.average,
    p50: result.latency.p50,
    p99: result.latency.p99,
    failures: result.non2xx + result.errors + result.timeouts,
  }
}
