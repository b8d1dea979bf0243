/** How a client proves who it is: secrets, or nothing for public ones (RFC 6749 §2.3). Assertions: private-key-jwt.test.ts. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { isActive, tokens, until, type AdministeredIssuer } from './support/admin.ts'
import { post, type Answer, type Credentials } from './support/client.ts'
import { API, ask, auditOf, fresh, refusal, registered, shareWithApi, startWithApi } from './support/shared.ts'
import { inTime } from './support/in-time.ts'

const issuer = shareWithApi()

const byPost = ({ clientId, secret }: Credentials, form: Record<string, string> = {}): Promise<Answer> =>
  post(issuer(), '/token', { grant_type: 'client_credentials', client_id: clientId, client_secret: secret, ...form })

const rotate = async (
  { operator }: AdministeredIssuer,
  { clientId }: Credentials,
  body?: object,
): Promise<Credentials> => {
  const answer = await operator.call('POST', `/admin/api/clients/${clientId}/rotate-secret`, body)
  if (answer.status !== 201) throw new Error(answer.text)
  return { clientId, secret: answer.body.client_secret }
}

describe('a secret', () => {
  test('that is generated holds 256 random bits and is shown once', async () => {
    const first = await registered(issuer())
    const second = await registered(issuer())
    expect(first.secret).toMatch(/^sgs_[\w-]{43}$/)
    expect(second.secret).not.toBe(first.secret)
    const shown = await issuer().operator.call('GET', `/admin/api/clients/${first.clientId}`)
    expect(shown.body).toMatchObject({ secrets: [{ kind: 'generated', expires_at: null }] })
    expect(shown.text).not.toContain(first.secret)
  })

  test('goes by Basic or in the body, whichever the client is registered for', async () => {
    const header = await registered(issuer(), { token_endpoint_auth_method: 'client_secret_basic' })
    const body = await registered(issuer(), { token_endpoint_auth_method: 'client_secret_post' })
    expect((await ask(issuer(), header)).status).toBe(200)
    expect((await byPost(body)).status).toBe(200)
    expect((await byPost(header)).status).toBe(200)
    expect((await ask(issuer(), body)).status).toBe(200)
    expect(refusal(await byPost({ ...header, secret: `${header.secret}x` }))).toBe('401 invalid_client')
  })

  test('is form-encoded inside Basic, so that an id with a colon works', async () => {
    const client = await registered(issuer(), { client_id: `https://app.example.com:8443/a+b~${fresh('c')}` })
    expect((await ask(issuer(), client)).status).toBe(200)
  })

  test('that is wrong, of a client that does not exist, or of one that is disabled: the refusals look the same', async () => {
    const client = await registered(issuer())
    const disabled = await registered(issuer())
    await issuer().operator.call('POST', `/admin/api/clients/${disabled.clientId}/disable`)
    const { secret } = client
    const refusals = [
      await ask(issuer(), { ...client, secret: disabled.secret }),
      await ask(issuer(), { ...client, secret: secret.slice(0, -1) }),
      await ask(issuer(), { ...client, secret: `${secret}x` }),
      await ask(issuer(), { ...client, secret: 'short' }),
      await ask(issuer(), { clientId: 'nobody', secret }),
      await ask(issuer(), { clientId: client.clientId.toUpperCase(), secret }),
      await ask(issuer(), disabled),
      await post(issuer(), '/token', { grant_type: 'client_credentials', client_id: client.clientId }),
      await post(issuer(), '/token', { grant_type: 'client_credentials', client_id: 'nobody' }),
    ]
    const seen = refusals.map(({ status, text, headers }) => [status, text, headers.get('www-authenticate')])
    expect(new Set(seen.map((each) => JSON.stringify(each))).size).toBe(1)
    expect(refusal(refusals[0] as Answer)).toBe('401 invalid_client')
  })

  test('of a client that was disabled works again when it is enabled, and its tokens too', async () => {
    const client = await registered(issuer())
    const { access_token: token = '' } = await tokens(issuer(), client)
    const reader = await registered(issuer())
    await issuer().operator.call('POST', `/admin/api/clients/${client.clientId}/disable`)
    expect(refusal(await ask(issuer(), client))).toBe('401 invalid_client')
    expect(await isActive(issuer(), reader, token)).toBe(false)
    await issuer().operator.call('POST', `/admin/api/clients/${client.clientId}/enable`)
    expect((await ask(issuer(), client)).status).toBe(200)
    expect(await isActive(issuer(), reader, token)).toBe(true)
  })

  test('that was wrong shows in the audit trail, with neither the secret nor a guess', async () => {
    const client = await registered(issuer())
    await ask(issuer(), { ...client, secret: 'sgs_guessed' })
    await until(async () => (await auditOf(issuer(), client.clientId)).includes('client.wrong_secret'))
    const trail = await issuer().operator.call('GET', `/admin/api/audit?target=${client.clientId}`)
    expect(trail.text).not.toContain('sgs_')
  })

  test('has its last use in the admin API within seconds', async () => {
    const client = await registered(issuer())
    const lastUse = async () => {
      const { body } = await issuer().operator.call('GET', `/admin/api/clients/${client.clientId}`)
      return body.secrets[0].last_used_at as string | null
    }
    expect(await lastUse()).toBeNull()
    const before = issuer().clock.now()
    await tokens(issuer(), client)
    await until(async () => (await lastUse()) !== null)
    expect(Date.parse((await lastUse()) ?? '')).toBeGreaterThanOrEqual(before)
  })
})

describe('a rotated secret', () => {
  test('works beside the old one for the overlap, then alone', async () => {
    const old = await registered(issuer())
    const young = await rotate(issuer(), old, { overlap: '1h' })
    expect((await ask(issuer(), old)).status).toBe(200)
    expect((await ask(issuer(), young)).status).toBe(200)
    issuer().clock.advance(3599 - 30)
    expect((await ask(issuer(), old)).status).toBe(200)
    issuer().clock.advance(31)
    expect(refusal(await ask(issuer(), old))).toBe('401 invalid_client')
    expect((await ask(issuer(), young)).status).toBe(200)
  })

  test('overlaps for a day unless said otherwise, and not at all with 0', async () => {
    const first = await registered(issuer())
    const second = await rotate(issuer(), first)
    issuer().clock.advance(86_300)
    expect((await ask(issuer(), first)).status).toBe(200)
    const third = await rotate(issuer(), first, { overlap: 0 })
    expect(refusal(await ask(issuer(), first))).toBe('401 invalid_client')
    expect(refusal(await ask(issuer(), second))).toBe('401 invalid_client')
    expect((await ask(issuer(), third)).status).toBe(200)
  })

  test('stays through a rotation that is retried, and a later rotation gives none more time', async () => {
    const first = await registered(issuer())
    const second = await rotate(issuer(), first, { overlap: '1h' })
    const third = await rotate(issuer(), first, { overlap: '10m' })
    for (const one of [first, second, third]) expect((await ask(issuer(), one)).status).toBe(200)
    issuer().clock.advance(601)
    expect(refusal(await ask(issuer(), first))).toBe('401 invalid_client')
    expect(refusal(await ask(issuer(), second))).toBe('401 invalid_client')
    expect((await ask(issuer(), third)).status).toBe(200)
  })

  test.each(['the old one was used first', 'nothing was used yet'])(
    'keeps the secret that was current before, however many rotations came before it: %s',
    async (name) => {
      const { operator } = issuer()
      const old = await registered(issuer())
      const { body } = await operator.call('GET', `/admin/api/clients/${old.clientId}`)
      const [{ id }] = body.secrets
      const isUsed = name === 'the old one was used first'
      if (isUsed) await tokens(issuer(), old)
      const lastUse = async () =>
        (await operator.call('GET', `/admin/api/clients/${old.clientId}`)).body.secrets[0].last_used_at as string | null
      if (isUsed) await until(async () => (await lastUse()) !== null)
      const path = `/admin/api/clients/${old.clientId}/rotate-secret`
      const made: Answer[] = []
      for (let each = 0; each < 6; each += 1) made.push(await operator.call('POST', path, { overlap: '1h' }))
      const secrets = [old.secret, ...made.map((each) => each.body.client_secret as string)]
      const works = await Promise.all(
        secrets.map(async (secret) => (await ask(issuer(), { clientId: old.clientId, secret })).status === 200),
      )
      expect(works.filter(Boolean)).toHaveLength(4)
      expect(works.slice(-2)).toEqual([true, true])
      expect(works[0]).toBe(true)
      // The first three rotations end none; each one after them tells which secret it ended.
      const ended = made.map((each) => each.body.ended_secrets as { id: string; expires_at: string }[])
      expect(ended.map(({ length }) => length)).toEqual([0, 0, 0, 1, 1, 1])
      const gone = ended.flat().map((each) => each.id)
      expect(gone).not.toContain(id)
      const trail = await operator.call('GET', `/admin/api/audit?target=${old.clientId}`)
      for (const each of gone) expect(trail.text).toContain(each)
    },
  )

  test('without an overlap tells all that it ended', async () => {
    const { operator } = issuer()
    const { clientId } = await registered(issuer())
    await rotate(issuer(), { clientId, secret: '' })
    const answer = await operator.call('POST', `/admin/api/clients/${clientId}/rotate-secret`, { overlap: 0 })
    expect(answer.body.ended_secrets).toHaveLength(2)
    expect(answer.body.secrets).toHaveLength(1)
  })

  test('is the only one in the answer, and the old one is in no answer', async () => {
    const old = await registered(issuer())
    const answer = await issuer().operator.call('POST', `/admin/api/clients/${old.clientId}/rotate-secret`)
    expect(answer.body.client_secret).toMatch(/^sgs_/)
    expect(answer.body.secrets).toHaveLength(2)
    expect(answer.text).not.toContain(old.secret)
    expect(await auditOf(issuer(), old.clientId)).toContain('client.secret_rotated')
  })
})

describe('a secret that an operator brings in the declarative file', () => {
  const brought = (name: string): string => {
    const variable = `BROUGHT_${name.toUpperCase()}`
    process.env[variable] = `${name}-${'0123456789'.repeat(4)}`
    onTestFinished(() => void delete process.env[variable])
    return `  - client_id: ${name}\n    resources: [${API}]\n    client_secret: { env: ${variable} }\n`
  }
  const credentials = (clientId: string): Credentials => ({ clientId, secret: `${clientId}-${'0123456789'.repeat(4)}` })

  test('works, costs its hash once a process, and is neither in the log nor in the database as it is', async () => {
    const own = await startWithApi({}, { declared: brought('alpha') })
    const timed = async () => {
      const began = performance.now()
      expect((await ask(own, credentials('alpha'))).status).toBe(200)
      return performance.now() - began
    }
    await timed()
    const later = Math.min(await timed(), await timed(), await timed())
    const wrong = performance.now()
    expect(refusal(await ask(own, { clientId: 'alpha', secret: 'not the secret of alpha, but as long' }))).toBe(
      '401 invalid_client',
    )
    expect(later).toBeLessThan((performance.now() - wrong) / 2)
    const shown = await own.operator.call('GET', '/admin/api/clients/alpha')
    expect(shown.body.secrets).toMatchObject([{ kind: 'brought' }])
    expect(shown.text + own.logged.join('\n')).not.toContain('0123456789')
  })

  test('is replaced, at once, where the file brings another at the next start', async () => {
    const own = await startWithApi({}, { declared: brought('beta') })
    expect((await ask(own, credentials('beta'))).status).toBe(200)
    process.env.BROUGHT_BETA = 'another secret of beta, long enough to be one'
    const again = await own.restart()
    expect(refusal(await ask(again, credentials('beta')))).toBe('401 invalid_client')
    expect((await ask(again, { clientId: 'beta', secret: process.env.BROUGHT_BETA })).status).toBe(200)
  })

  test('does not let a flood of guesses keep anybody else out: the flood gets 503, the others answers', async () => {
    const own = await startWithApi({}, { declared: brought('gamma') + brought('delta') })
    const generated = await registered(own)
    expect((await ask(own, credentials('delta'))).status).toBe(200)
    const flood = Promise.all(
      Array.from({ length: 120 }, (_, index) =>
        ask(own, { clientId: 'gamma', secret: `a guess that is long enough, number ${index}` }),
      ),
    )
    const slowest: Record<string, number> = {}
    for (let round = 0; round < 5; round++) {
      for (const client of [generated, credentials('delta')]) {
        const began = performance.now()
        expect((await ask(own, client)).status).toBe(200)
        slowest[client.clientId] = Math.max(slowest[client.clientId] ?? 0, performance.now() - began)
      }
    }
    for (const took of Object.values(slowest)) expect(took).toBeLessThan(inTime(5000))
    const answers = await flood
    expect(new Set(answers.map(refusal))).toEqual(new Set(['401 invalid_client', '503 temporarily_unavailable']))
    const shed = answers.filter(({ status }) => status === 503)
    expect(shed.length).toBeGreaterThan(60)
    for (const { headers } of shed) expect(headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
    expect((await ask(own, credentials('gamma'))).status).toBe(200)
  })
})

describe('a public client', () => {
  test('is known by its client_id alone, and may do nothing that needs proof', async () => {
    const { clientId } = await registered(issuer(), {
      token_endpoint_auth_method: 'none',
      grant_types: ['refresh_token'],
    })
    const form = { client_id: clientId, token: 'x' }
    expect(refusal(await post(issuer(), '/token', { ...form, grant_type: 'client_credentials' }))).toBe(
      '400 unauthorized_client',
    )
    expect(refusal(await post(issuer(), '/introspect', form))).toBe('401 invalid_client')
    expect((await post(issuer(), '/revoke', form)).status).toBe(200)
    expect(refusal(await post(issuer(), '/refresh', { ...form, refresh_token: 'x' }))).toBe('400 invalid_grant')
  })

  test('has no secret that would work, not even an empty one', async () => {
    const { clientId } = await registered(issuer(), {
      token_endpoint_auth_method: 'none',
      grant_types: ['refresh_token'],
    })
    for (const secret of ['', 'x', 'sgs_']) {
      expect(refusal(await ask(issuer(), { clientId, secret }))).toBe('401 invalid_client')
    }
  })
})

test('a deleted client is gone, with its tokens, and one registered anew under its name starts clean', async () => {
  const client = await registered(issuer())
  const reader = await registered(issuer())
  const { access_token: old = '' } = await tokens(issuer(), client)
  issuer().clock.advance(5)
  expect((await issuer().operator.call('DELETE', `/admin/api/clients/${client.clientId}`)).status).toBe(204)
  expect(refusal(await ask(issuer(), client))).toBe('401 invalid_client')
  issuer().clock.advance(5)
  const again = await registered(issuer(), { client_id: client.clientId })
  expect(refusal(await ask(issuer(), client))).toBe('401 invalid_client')
  const { access_token: young = '' } = await tokens(issuer(), again)
  expect([await isActive(issuer(), reader, old), await isActive(issuer(), again, young)]).toEqual([false, true])
})
