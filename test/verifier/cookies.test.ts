/**
 * A token in a cookie: where it is looked for, and whose requests are believed.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { describe, expect, test } from 'vitest'
import { FRAMEWORKS, rawStatus, startApi } from './guarded-apis.ts'

describe.each(Object.keys(FRAMEWORKS))('%s', () => {
  test('a cookie is looked into where it was asked for; the header wins; another site cannot use it', async (context) => {
    const api = await startApi(context, { cookie: 'session' })
    const good = await api.token()
    for (const cookie of [
      `session=${good}`,
      `a=b; session="${good}"`,
      `session=; session=${encodeURIComponent(good)}; session=x`,
    ])
      expect((await api.get('/any', undefined, { cookie })).status).toBe(200)
    expect((await api.get('/any', undefined, { cookie: `session=${good}`, authorization: 'Basic eDp5' })).status).toBe(
      200,
    )
    expect((await api.get('/any', await api.token({ exp: 1 }), { cookie: `session=${good}` })).body.error).toBe(
      'token_expired',
    )
    expect((await api.get('/any', undefined, { cookie: `other=${good}; session=%` })).body.error).toBe(
      'malformed_token',
    )
    const change = async (site: string) =>
      (
        await fetch(`${api.url}/change`, {
          method: 'POST',
          headers: { cookie: `session=${good}`, 'sec-fetch-site': site },
        })
      ).status
    expect([await change('same-origin'), await change('cross-site')]).toEqual([200, 401])
    const without = await startApi(context)
    expect((await without.get('/any', undefined, { cookie: `session=${await without.token()}` })).body.error).toBe(
      'missing_token',
    )
  })

  test('a cookie is believed for a change, or for Upgrade, only where the request comes from the own origin', async (context) => {
    const api = await startApi(context, { cookie: 'session' })
    const own = api.url
    const host = own.slice('http://'.length)
    const cookie = `Cookie: session=${await api.token()}`
    const send = (url: string, head: string, ...lines: string[]) =>
      rawStatus(url, [head, cookie, 'Content-Length: 0', 'Connection: close', ...lines, '', ''].join('\r\n'))
    const change = (...lines: string[]) => send(own, `POST /change HTTP/1.1\r\nHost: ${host}`, ...lines)
    const believed = [
      [],
      ['Sec-Fetch-Site: same-origin'],
      ['Sec-Fetch-Site: none'],
      [`Origin: ${own}`],
      [`Origin: ${own}`, 'Sec-Fetch-Site: same-origin'],
      // A page that sends no referrer; a proxy that ends TLS.
      ['Origin: null', 'Sec-Fetch-Site: same-origin'],
      [`Origin: https://${host}`, 'Sec-Fetch-Site: same-origin'],
    ]
    for (const lines of believed) expect([lines, await change(...lines)]).toEqual([lines, 200])
    const refused = [
      ...['cross-site', 'same-site', 'Cross-Site', 'SAME-ORIGIN', '', 'same-origin, none', 'x'].map((site) => [
        `Sec-Fetch-Site: ${site}`,
      ]),
      ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site'],
      ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Site: same-origin'],
      ['Sec-Fetch-Site: cross-site', `Origin: ${own}`],
      ...['https://evil.example', 'null', '', 'x', `https://${host}`, `${own}.evil.example`, `${own}/`].map(
        (origin) => [`Origin: ${origin}`],
      ),
      [`Origin: ${own}`, 'Origin: https://evil.example'],
      ['Origin: https://evil.example', `Origin: ${own}`],
      ['Origin: https://evil.example', 'Sec-Fetch-Site: same-origin'],
      ['Origin: https://evil.example', 'Sec-Fetch-Site: none'],
    ]
    for (const lines of refused) expect([lines, await change(...lines)]).toEqual([lines, 401])

    // A foreign page names its own origin; which Host it has the browser send is not for it to say.
    for (const bad of ['evil.example', 'evil.example\r\nHost: evil.example', `${host}\r\nHost: evil.example`])
      expect([400, 401], bad).toContain(
        await send(own, `POST /change HTTP/1.1\r\nHost: ${bad}`, `Origin: http://${host}`),
      )

    const upgrade = (...lines: string[]) =>
      send(own, `GET /any HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket`, ...lines)
    expect([await upgrade(), await upgrade(`Origin: ${own}`)]).toEqual([200, 200])
    for (const lines of [
      ['Origin: https://evil.example'],
      ['Sec-Fetch-Site: cross-site'],
      ['Sec-Fetch-Site: same-site'],
    ])
      expect([lines, await upgrade(...lines)]).toEqual([lines, 401])
    const read = `GET /any HTTP/1.1\r\nHost: ${host}`
    expect(await send(own, read, 'Origin: https://evil.example', 'Sec-Fetch-Site: cross-site')).toBe(200)

    const proxied = await startApi(context, {
      cookie: 'session',
      issuer: api.server.issuer,
      publicOrigin: 'https://api.example',
    })
    const behind = (...lines: string[]) => send(proxied.url, 'POST /change HTTP/1.1\r\nHost: 10.0.0.1:8080', ...lines)
    expect(await behind('Origin: https://api.example', 'Sec-Fetch-Site: same-origin')).toBe(200)
    expect(await behind('Origin: https://api.example')).toBe(200)
    for (const origin of ['http://10.0.0.1:8080', 'http://api.example', 'https://evil.example'])
      expect([origin, await behind(`Origin: ${origin}`)]).toEqual([origin, 401])
    const told = await fetch(`${own}/change`, { method: 'POST', headers: { cookie: cookie.slice(8), origin: 'null' } })
    expect(await told.json()).toMatchObject({
      error: 'missing_token',
      error_description: expect.stringContaining('the cookie is not believed'),
    })
  })
})
