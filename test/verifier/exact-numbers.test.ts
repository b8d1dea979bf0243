/**
 * A number in a claim that JavaScript would change is refused by name; every other number arrives as it was sent.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { expect, onTestFinished, test } from 'vitest'
import { createTokenVerifier } from '../../verifiers/node/src/index.ts'
import { API, signWithJson, startKeyServer } from './key-server.ts'

const SAME = ['9007199254740991', '-9007199254740991', '0', '-0', '1e2', '0.1', '1.5e-7', '9007199254740992', '1e22']
const SAME_ELSEWHERE = ['"1147953659032899585"', '["9007199254740993"]', '{"9007199254740993":1}', '"e999 1e999"']
const CHANGED: [string, string, string][] = [
  ['tenant', '1147953659032899585', 'tenant'],
  ['tenant', '-9007199254740993', 'tenant'],
  ['org', '{"name":"acme","id":9007199254740993}', 'id'],
  ['orgs', '[1,2,9007199254740993]', 'orgs'],
  ['orgs', '{"a" : {"list": [ "x", 9007199254740993 ]}}', 'list'],
  ['limit', '1e400', 'limit'],
  ['limit', '-1E+999', 'limit'],
  ['a"b\\', '9007199254740993', "a'b"],
]

async function scene() {
  const server = await startKeyServer()
  const key = await server.addKey()
  const verifier = createTokenVerifier({ issuer: server.issuer, audience: API, clock: server.clock })
  onTestFinished(() => verifier.close())
  const verify = async (name: string, value: string) => {
    const encoded = JSON.stringify(name).slice(1, -1)
    return verifier.verifyToken(await signWithJson(server, key, encoded, value))
  }
  return { verify }
}

test('numbers that can be held, and digits in strings, arrive as they were sent', async () => {
  const { verify } = await scene()
  for (const value of [...SAME, ...SAME_ELSEWHERE])
    expect((await verify('tenant', value)).claims.tenant).toEqual(JSON.parse(value))
})

test.each(CHANGED)('%s: %s is malformed, by name', async (name, value, told) => {
  const { verify } = await scene()
  await expect(verify(name, value)).rejects.toMatchObject({
    code: 'malformed_token',
    message: expect.stringMatching(`^the claim '${told}.*JavaScript would change`),
  })
})
