/**
 * A value reaches a token, the database and the operator's eyes as it was written, or it is refused by its name:
 * numbers that JavaScript cannot hold, members that are named twice, names that JavaScript keeps for itself.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { JsonFault, isExactNumber, readDigits, readExactJson } from '../src/ground/exact-json.ts'
import { SUBJECT_GRANT, createClient } from './support/admin.ts'
import { basic, bearer, claimsOf, post, type Answer, type Credentials } from './support/client.ts'
import { signet } from './support/process.ts'
import { API, shareWithApi } from './support/shared.ts'

/** A 64-bit identifier as databases and social networks give it. */
const BIG = '1147953659032899585'

const CHANGED = [
  BIG,
  `-${BIG}`,
  '9007199254740992',
  '9007199254740993',
  '18446744073709551615',
  '1e400',
  '-1e400',
  '1e-400',
  '1e16',
  '0.1000000000000000055',
  '3.14159265358979323846',
  '9007199254740991.5',
  '9'.repeat(400),
]
const KEPT = [
  '0',
  '-0',
  '1',
  '1.0',
  '1e2',
  '1E+2',
  '0.1',
  '0.10',
  '-12.5',
  '1e-7',
  '5e-324',
  '9007199254740991',
  '0e999',
]

describe('a number', () => {
  test.each(CHANGED)('%s is one that JavaScript changes', (digits) => {
    expect(isExactNumber(digits)).toBe(false)
  })
  test.each(KEPT)('%s is kept', (digits) => {
    expect(isExactNumber(digits)).toBe(true)
  })

  test('of any digits is taken only where it is the same decimal behind JavaScript', () => {
    const fraction = fc.tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.integer({ min: 0, max: 30 }))
    fc.assert(
      fc.property(fraction, ([digits, places]) => {
        const written = `${digits}e-${places}`
        if (!isExactNumber(written)) return
        const [mantissa = '', power = '0'] = String(Number(written)).split('e')
        const [whole = '', part = ''] = mantissa.split('.')
        // value = n / 10^d on both sides, compared as whole numbers
        const shift = BigInt(part.length) - BigInt(power)
        const scale = (places > shift ? BigInt(places) : shift) + 1n
        expect(BigInt(whole + part) * 10n ** (scale - shift)).toBe(digits * 10n ** (scale - BigInt(places)))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('JSON', () => {
  const pathOf = (text: string): string => {
    try {
      readExactJson(text)
    } catch (error) {
      if (error instanceof JsonFault) return `${error.path.join('.')}|${error.message}`
    }
    return 'taken'
  }

  test.each([
    ['{"a":1,"a":2}', 'a|named twice'],
    ['{"a":1,"\\u0061":2}', 'a|named twice'],
    ['[{"b":{"c":1,"d":2,"c":3}}]', '0.b.c|named twice'],
    ['{"x":{"__proto__":{"admin":true}}}', 'x.__proto__|not a name'],
    ['{"x":{"\\u005f_proto__":1}}', 'x.__proto__|not a name'],
    [`{"ids":[1,2,${BIG}]}`, `ids.2|${BIG} is changed`],
    ['{"a":"\\ud800"}', 'a|a text with half a character'],
    ['{"a\\udc00":1}', 'a\udc00|a name with half a character'],
    [`${'['.repeat(33)}${']'.repeat(33)}`, '|nested deeper'],
    [`${'{"a":'.repeat(33)}1${'}'.repeat(33)}`, 'a.a.'],
    ['{"a":', '|it is not JSON'],
    ['{"a":NaN}', '|it is not JSON'],
    ['\uFEFF{}', '|it is not JSON'],
    ['', '|it is not JSON'],
  ])('%s is refused by name', (text, message) => {
    expect(pathOf(text)).toContain(message)
  })

  test('whatever is not at fault is what JSON.parse gives', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 1), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        if (pathOf(text) === 'taken') expect(readExactJson(text)).toEqual(JSON.parse(text))
        else expect(text).toMatch(/__proto__|\d{16}|e[+-]?\d|\.\d{15}|\\u/)
      }),
    )
  })

  test('of somebody else is shown digit by digit', () => {
    const text = `{"a":${BIG},"b":[1.50,1e400],"c":"1","d":7}`
    expect(JSON.stringify(readDigits(text))).toBe(text)
  })

  test('of any depth is refused without a look at its depths', () => {
    for (const read of [readExactJson, readDigits])
      expect(() => read(`${'['.repeat(30_000)}${']'.repeat(30_000)}`)).toThrow('nested deeper')
  })
})

const issuer = shareWithApi()
let backend: Credentials
beforeAll(async () => {
  backend = await createClient(issuer().operator, {
    client_id: 'backend',
    grant_types: ['client_credentials', SUBJECT_GRANT],
    allowed_claims: ['tenant', 'groups'],
    resources: [API],
  })
})

/** A body that is written by hand, since JSON.stringify cannot write these. */
async function send(method: string, path: string, body: string | Buffer<ArrayBuffer>): Promise<Answer> {
  const response = await fetch(issuer().url + path, {
    method,
    headers: { 'content-type': 'application/json', ...bearer(await issuer().operator.token()) },
    body,
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: text === '' ? {} : JSON.parse(text) }
}

const asSubject = (claims: string) =>
  post(issuer(), '/token', { grant_type: SUBJECT_GRANT, subject: 'ada', subject_claims: claims }, backend)

describe('claims of a person', () => {
  test.each(CHANGED)('%s is refused, and the refusal names the claim and the number', async (digits) => {
    for (const claims of [`{"tenant":${digits}}`, `{"tenant":{"ids":[1,${digits}]}}`]) {
      const { status, body } = await asSubject(claims)
      expect([status, body.error]).toEqual([400, 'invalid_request'])
      expect(body.error_description).toMatch(/subject_claims: claim 'tenant/)
      expect(body.error_description).toContain(digits.slice(0, 40))
      expect(body.error_description).toContain('send it as a string')
    }
  })

  test('whatever is kept is signed as it was sent', async () => {
    const { body } = await asSubject(`{"tenant":"${BIG}","groups":[9007199254740991,-0.5,1e2,{"a":1.0}]}`)
    expect(claimsOf(body.access_token)).toMatchObject({
      tenant: BIG,
      groups: [9007199254740991, -0.5, 100, { a: 1 }],
    })
  })

  test.each([
    ['{"tenant":1,"tenant":2}', "claim 'tenant': named twice"],
    ['{"tenant":{"a":1,"a":1}}', "claim 'tenant.a': named twice"],
    ['{"__proto__":{"tenant":"evil"}}', "claim '__proto__'"],
    ['{"tenant":{"__proto__":1}}', "claim 'tenant.__proto__'"],
    ['{"tenant":"\\ud800"}', "claim 'tenant': a text with half a character"],
  ])('%s is refused by name', async (claims, message) => {
    const { status, body } = await asSubject(claims)
    expect(status).toBe(400)
    expect(body.error_description).toContain(message)
  })

  test('in another encoding than UTF-8 are refused', async () => {
    const body = `grant_type=${encodeURIComponent(SUBJECT_GRANT)}&subject=ada&subject_claims=%7B%22tenant%22%3A%22M%FCnchen%22%7D`
    const response = await fetch(`${issuer().url}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...basic(backend) },
      body,
    })
    expect(response.status).toBe(400)
    expect(await response.text()).toContain('subject_claims is not UTF-8')
  })
})

describe('the admin API', () => {
  const places: [string, string, (claims: string) => string][] = [
    ['POST', '/admin/api/clients', (claims) => `{"client_id":"exact-client","claims":${claims}}`],
    ['PATCH', '/admin/api/clients/backend', (claims) => `{"claims":${claims}}`],
    ['POST', '/admin/api/resources', (claims) => `{"id":"exact-resource","claims":${claims}}`],
    ['PATCH', `/admin/api/resources/${API}`, (claims) => `{"claims":${claims}}`],
  ]
  const claims: [string, string][] = [
    [`{"tenant":${BIG}}`, 'claims.tenant'],
    ['{"tenant":{"deep":[1e400]}}', 'claims.tenant.deep.0'],
    ['{"tenant":0.1000000000000000055}', 'claims.tenant'],
    ['{"tenant":1,"tenant":1}', 'claims.tenant'],
    ['{"__proto__":{"admin":true}}', 'claims.__proto__'],
    ['{"tenant":{"__proto__":1}}', 'claims.tenant.__proto__'],
  ]
  test.each(places.flatMap((place) => claims.map((each) => [...place, ...each] as const)))(
    '%s %s %s%s refuses claims that change, and names %s',
    async (method, path, bodyOf, given, name) => {
      const { status, body } = await send(method, path, bodyOf(given))
      expect(status).toBe(400)
      expect(body.error_description).toContain(name)
      expect((await issuer().operator.call('GET', '/admin/api/clients/exact-client')).status).toBe(404)
    },
  )

  test.each([
    ['POST', '/blacklist', `{"sub":"eve","expires_at":${BIG}}`, 'expires_at'],
    ['POST', '/blacklist', '{"sub":"eve","expires_at":1e400}', 'expires_at'],
    ['POST', '/blacklist', '{"sub":"eve","sub":"ada"}', 'sub'],
    ['POST', '/blacklist', '{"sub":"eve","expires_at":"2030-02-30T00:00:00Z"}', 'expires_at'],
    ['POST', '/blacklist', '{"sub":"eve","expires_at":"1 2 3"}', 'expires_at'],
    ['POST', '/blacklist', '{"sub":"eve","__proto__":{"reason":"x"}}', '__proto__'],
    ['POST', '/admin/api/clients', `{"access_token_ttl":${BIG}}`, 'access_token_ttl'],
    ['POST', '/admin/api/clients', '{"access_token_ttl":1e400}', 'access_token_ttl'],
    ['POST', '/admin/api/clients/backend/rotate-secret', `{"overlap":${BIG}}`, 'overlap'],
    ['POST', '/admin/api/keys/rotate', '{"alg":"ES256","alg":"RS256"}', 'alg'],
  ])('%s %s %s is refused by name', async (method, path, body, name) => {
    const answer = await send(method, path, body)
    expect(answer.status).toBe(400)
    expect(answer.body.error_description).toContain(name)
  })

  test('a body of any depth, and one that is no UTF-8, is refused', async () => {
    const deep = `{"client_id":"deep","jwks":{"keys":[{"junk":${'['.repeat(5000)}${']'.repeat(5000)}}]}}`
    const { status, body } = await send('POST', '/admin/api/clients', deep)
    expect([status, body.error_description.includes('nested deeper')]).toEqual([400, true])
    const latin = Buffer.from('{"client_name":"M\u00fcnchen"}', 'latin1')
    expect((await send('POST', '/admin/api/clients', latin)).body.error_description).toContain('not UTF-8')
  })

  test('a member that is named like a secret is not repeated', async () => {
    const secret = `sgs_${'s'.repeat(43)}`
    const { body } = await send('POST', '/blacklist', `{"${secret}":1,"${secret}":2}`)
    expect(body.error_description).toContain('named twice')
    expect(body.error_description).not.toContain(secret)
  })
})

describe('the command line', () => {
  test.each(CHANGED.slice(0, 10))(
    '--claim tenant=%s is refused by name in every command that takes it',
    async (digits) => {
      const commands = [
        ['client', 'create', '--id', 'exact-cli'],
        ['client', 'update', 'backend'],
        ['resource', 'create', 'exact-cli-api'],
        ['token', 'mint', '--sub', 'ada', '--resource', API],
      ]
      const [command = []] = commands.slice(CHANGED.indexOf(digits) % commands.length)
      const refused = await signet([...command, '--claim', `tenant=${digits}`], issuer().env)
      expect(refused).toMatchObject({ code: 2, stdout: '' })
      expect(refused.stderr).toContain(`--claim: claim "tenant": ${digits} is changed`)
      expect(refused.stderr).toContain(`--claim 'tenant="…"'`)
    },
  )

  test('the same digits as a string are signed as they are', async () => {
    const minted = await signet(
      ['token', 'mint', '--sub', 'ada', '--resource', API, '--claim', `tenant="${BIG}"`, '--json'],
      issuer().env,
    )
    expect(claimsOf(JSON.parse(minted.stdout).access_token).tenant).toBe(BIG)
  })

  test('a claim that is given twice, or holds a member twice, is refused by name', async () => {
    const twice = ['client', 'create', '--claim', 'tenant=1', '--claim', 'tenant=2']
    expect(await signet(twice, issuer().env)).toMatchObject({ code: 2, stdout: '' })
    const inside = await signet(['client', 'create', '--claim', 'org={"id":1,"id":2}'], issuer().env)
    expect(inside.stderr).toContain('--claim: claim "org.id": named twice')
  })

  test('a key set that holds a member twice is refused by name', async () => {
    const file = join(issuer().folder, 'twice.json')
    writeFileSync(file, '{"keys":[{"kty":"EC","kty":"RSA"}]}')
    const { stderr } = await signet(
      ['client', 'create', '--auth-method', 'private_key_jwt', '--jwks', file],
      issuer().env,
    )
    expect(stderr).toContain('keys.0.kty: named twice')
  })
})

describe('the declarative file', () => {
  const apply = (yaml: string) => {
    const file = join(issuer().folder, 'exact.yaml')
    writeFileSync(file, yaml)
    return signet(['apply', file, '--dry-run'], issuer().env)
  }

  test.each([
    ['a client', `clients:\n  - client_id: x\n    claims:\n      tenant: ${BIG}\n`, 4, 'clients.0.claims.tenant', BIG],
    [
      'a list',
      `resources:\n  - id: x\n    claims: { ids: [1, 2,\n      ${BIG}] }\n`,
      4,
      'resources.0.claims.ids.2',
      BIG,
    ],
    [
      'hexadecimal',
      'clients:\n  - client_id: x\n    claims: { a: 0x7fffffffffffffff }\n',
      3,
      'clients.0.claims.a',
      '0x7f',
    ],
    ['infinity', 'clients:\n  - client_id: x\n    claims: { a: .inf }\n', 3, 'clients.0.claims.a', 'no such number'],
    ['no number', 'clients:\n  - client_id: x\n    claims: { a: .nan }\n', 3, 'clients.0.claims.a', 'no such number'],
    [
      'a prototype',
      'clients:\n  - client_id: x\n    claims:\n      __proto__: { a: 1 }\n',
      4,
      'clients.0.claims.__proto__',
      'not a name',
    ],
    ['JSON', `{"clients":[{"client_id":"x","claims":{"a":1e400}}]}`, 1, 'clients.0.claims.a', '1e400'],
    ['a shared value', `x: &a\n  - ${BIG}\nclients:\n  - client_id: x\n    claims: { a: *a }\n`, 2, 'x.0', BIG],
  ])('%s is refused with line and name', async (_, yaml, line, name, message) => {
    const { code, stderr } = await apply(yaml)
    expect(code).toBe(1)
    expect(stderr).toContain(`exact.yaml:${line}: ${name}: `)
    expect(stderr).toContain(message)
  })

  test('numbers that are kept, in each form of YAML, are taken', async () => {
    const { code, stderr } = await apply(
      `clients:\n  - client_id: exact-yaml\n    token_endpoint_auth_method: none\n    grant_types: [refresh_token]\n    access_token_ttl: 900\n    claims: { a: 0x1f, b: +12, c: 1.50, d: .5, e: 1e3, f: 0o17, g: "${BIG}" }\n`,
    )
    expect([code, stderr]).toEqual([0, ''])
  })
})

describe('the doctor and token inspect', () => {
  const foreign = (payload: string, header = '{"alg":"ES256","typ":"at+jwt","kid":"k"}') =>
    [header, payload, 's'.repeat(64)].map((part) => Buffer.from(part).toString('base64url')).join('.')

  const CLAIMS = `{"iss":"https://other.example","exp":${BIG},"iat":1700000000.0,"tenant":${BIG},"ids":[1.50,${BIG},{"a":1e400}],"small":7}`

  test('show the numbers of a token digit by digit, and say which of them readers change', async () => {
    const json = await signet(['token', 'inspect', foreign(CLAIMS), '--json'], issuer().env)
    expect(json.stdout.replaceAll(/\s/g, '')).toContain(`"claims":${CLAIMS},`)
    const people = await signet(['token', 'inspect', foreign(CLAIMS)], issuer().env)
    for (const digits of [`tenant   ${BIG}`, `"a":1e400`, '1.50'])
      expect(people.stdout.replaceAll(/ {2,}/g, '   ')).toContain(digits)
    const doctor = await signet(['doctor', foreign(CLAIMS), '--json'], issuer().env)
    const checks = JSON.parse(doctor.stdout) as { check: string; found: string }[]
    const found = (name: string) => checks.find(({ check }) => check === name)?.found
    expect(found('form')).toContain(`claim exp: ${BIG} is changed`)
    expect(found('form')).toContain(`claim tenant: ${BIG} is changed`)
    expect(found('expiry')).toContain(`(${BIG})`)
    expect(found('issued at')).toContain('(2023-11-14T22:13:20.000Z)')
  })

  test('tell of a claim that is named twice, and of claims that are too deep', async () => {
    const twice = await signet(['token', 'inspect', foreign('{"sub":"a","sub":"b"}'), '--json'], issuer().env)
    expect(twice.stdout).toContain('claim sub: named twice in one object')
    const deep = `{"a":${'['.repeat(6000)}${']'.repeat(6000)}}`
    const inspected = await signet(['token', 'inspect', foreign(deep), '--json'], issuer().env)
    expect(inspected.stdout).toContain('nested deeper than 32 levels')
  })
})
