/** A tiny OAuth client for tests: says what it sends, returns what came back. */

export interface Answer {
  status: number
  headers: Headers
  body: Record<string, any> // tests look into it and expect
  text: string
}

export interface Credentials {
  clientId: string
  secret: string
}

export const basic = ({ clientId, secret }: Credentials): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`).toString('base64')}`,
})

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })

/** Any request. A body that is an object is sent as JSON, a list of pairs or URLSearchParams as a form. */
export async function request(
  url: string,
  {
    method,
    headers = {},
    form,
    json,
  }: {
    method?: string
    headers?: Record<string, string>
    form?: Record<string, string> | [string, string][]
    json?: unknown
  } = {},
): Promise<Answer> {
  const body = form ? new URLSearchParams(form) : json === undefined ? undefined : JSON.stringify(json)
  const response = await fetch(url, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { ...(json !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body }),
    redirect: 'manual',
  })
  const text = await response.text()
  const isJson = (response.headers.get('content-type') ?? '').includes('json') && text !== ''
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : {} }
}

/** Posts a form as an authenticated client. */
export const post = (
  issuer: { url: string },
  path: string,
  form: Record<string, string> | [string, string][],
  client?: Credentials,
): Promise<Answer> => request(issuer.url + path, { form, headers: client ? basic(client) : {} })

/** The claims of a JWT, unverified. */
export const claimsOf = (token: string): Record<string, any> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

export const headerOf = (token: string): Record<string, any> =>
  JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())

/** Asks again until a change of another process is noticed; the contract gives it a second. */
export async function untilNoticed(
  ask: () => Promise<Answer>,
  good: (answer: Answer) => boolean = ({ status }) => status === 200,
): Promise<Answer> {
  const deadline = Date.now() + 2000
  for (;;) {
    const answer = await ask()
    if (good(answer)) return answer
    if (Date.now() > deadline) throw new Error(`not noticed: ${answer.status} ${answer.text}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
