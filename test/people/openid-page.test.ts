/** docs/openid.md names a test for each requirement, each test that it names exists, and what it leaves out is refused. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { answerOf } from '../support/browser-like.ts'
import { post, request } from '../support/client.ts'
import { addClient } from '../support/codes.ts'
import { isThere, namedTests, type NamedTest } from '../support/named-tests.ts'
import { addApp, authorizePath, browserAt } from '../support/people.ts'
import { refusal, shareWithApi } from '../support/shared.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(ROOT, 'docs/openid.md'), 'utf8')

test('every test that docs/openid.md names exists', () => {
  const named = namedTests(page)
  expect(named.length).toBeGreaterThan(100)
  expect(named.filter((each) => !isThere(each))).toEqual([])
})

/** The modules of one kind share a test whose title ends in `%s`. */
test('every module of the conformance suite that it lists is a test', () => {
  const lists = [...page.matchAll(/in `(test\/people\/conformance[\w-]*\.test\.ts)`:\n\n([^]+?)\n\n/g)]
  const modules = lists.flatMap(([, file = '', list = '']) =>
    [...list.matchAll(/`(oidcc-[\w-]+)`/g)].map(([, name = '']) => ({ file, name })),
  )
  expect(modules.length).toBeGreaterThan(50)
  const hasKind = ({ file, name }: NamedTest) => isThere({ file, name: name.replace(/[^-]+$/, '%s') })
  const hasMore = ({ file, name }: NamedTest) => isThere({ file, name: `${name}…` })
  expect(modules.filter((each) => !isThere(each) && !hasKind(each) && !hasMore(each))).toEqual([])
})

test('every row of a table in docs/openid.md names a test', () => {
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (client|requirement|left out) \|/.test(line))
  const beforeLeftOut = rows.filter((row) => page.indexOf(row) < page.indexOf('## Left out on purpose'))
  expect(beforeLeftOut.length).toBeGreaterThan(60)
  expect(beforeLeftOut.filter((row) => !row.includes('`test/'))).toEqual([])
})

describe('what is left out', () => {
  const issuer = shareWithApi()

  test.each([
    ['the implicit flow', { response_type: 'id_token token' }, 'unsupported_response_type'],
    ['the hybrid flow', { response_type: 'code id_token' }, 'unsupported_response_type'],
    ['a request object', { request: 'e30.e30.' }, 'request_not_supported'],
    ['a request object by reference', { request_uri: 'https://app.example/r' }, 'request_uri_not_supported'],
    ['a signed answer', { response_mode: 'query.jwt' }, 'invalid_request'],
  ])('%s is refused at /authorize with its registered error', async (_what, more, error) => {
    const client = await addApp(issuer())
    expect(answerOf(await browserAt(issuer()).get(authorizePath(client, more))).error).toBe(error)
  })

  test.each(['password', 'urn:openid:params:grant-type:ciba'])('grant type %s is refused', async (grant_type) => {
    const client = await addClient(issuer())
    const answer = await post(issuer(), '/token', { grant_type, username: 'ada', password: 'x' }, client)
    expect(refusal(answer)).toBe('400 unsupported_grant_type')
  })

  test.each([
    { id_token_signed_response_alg: 'HS256' },
    { id_token_signed_response_alg: 'none' },
    { id_token_encrypted_response_alg: 'RSA-OAEP' },
    { subject_type: 'pairwise' },
    { frontchannel_logout_uri: 'https://app.example/out' },
  ])('a client with %o is refused', async (metadata) => {
    await expect(addApp(issuer(), metadata)).rejects.toThrow(/400/)
  })

  test('the metadata advertises none of it', async () => {
    const { body } = await request(`${issuer().url}/.well-known/openid-configuration`)
    const names = Object.keys(body)
    expect(names.filter((name) => /encryption|frontchannel|check_session|backchannel_auth|pushed/.test(name))).toEqual(
      [],
    )
  })
})
