/** Meaningless requests in many shapes, such as any server on the Internet gets. */
import { hostileTexts } from '../harness/hostile.ts'
import { lettersOf, type Random } from './random.ts'

const KINDS = 200

/** @param forwarded whether a proxy names the sender: many addresses of one network, in many spellings */
export function garbageRequests(random: Random, forwarded: boolean): string[] {
  return Array.from({ length: KINDS }, (_, number) => {
    const from = forwarded ? `X-Forwarded-For: ${addressOf(random)}\r\n` : ''
    const make = SHAPES[number % SHAPES.length] ?? get
    return make(random, `Host: localhost\r\nUser-Agent: ${lettersOf(random, 20)}\r\n${from}`)
  })
}

type Shape = (random: Random, headers: string) => string

const FORM = 'Content-Type: application/x-www-form-urlencoded\r\n'

const post = (path: string, headers: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`

const get: Shape = (random, headers) => `GET /${lettersOf(random, 30)} HTTP/1.1\r\n${headers}\r\n`

/** The hostile values that an attacker could send by the thousand. */
const TEXTS = hostileTexts('garbage').filter((text) => text.length < 1000)

const SHAPES: Shape[] = [
  get,
  (random, headers) => `GET /wp-login.php?${lettersOf(random, 2000)} HTTP/1.1\r\n${headers}\r\n`,
  (random, headers) => post('/token', headers + FORM, lettersOf(random, 200)),
  (random, headers) => post('/token', `${headers}${FORM}${basic(random)}`, 'grant_type=client_credentials'),
  (_, headers) => post('/token', `${headers}Content-Type: application/json\r\n`, '['.repeat(500)),
  (random, headers) =>
    post('/refresh', `${headers}${FORM}${basic(random)}`, `refresh_token=sgr_${lettersOf(random, 60)}`),
  (random, headers) =>
    post('/introspect', `${headers}${FORM}Authorization: Basic ${lettersOf(random, 40)}\r\n`, 'token=a'),
  (random, headers) => post('/revoke', headers + FORM, `token=${lettersOf(random, 4000)}`),
  (random, headers) => `GET /admin/api/clients HTTP/1.1\r\n${headers}Authorization: Bearer ${jwt(random)}\r\n\r\n`,
  (random, headers) => post('/token', headers + FORM, `grant_type=${encodeURIComponent(random.pick(TEXTS))}`),
  (_, headers) => `PUT /blacklist HTTP/1.1\r\n${headers}Content-Length: 0\r\n\r\n`,
  (random, headers) => post('/%00%ff/../token', headers, lettersOf(random, 50)),
  (random, headers) => post('/token', headers + FORM, `grant_type=a&grant_type=b&client_id=${lettersOf(random, 500)}`),
  // These bytes are no HTTP, and end the connection.
  (random) => `\x16\x03\x01\x02${lettersOf(random, 200)}\r\n\r\n`,
]

const basic = (random: Random): string =>
  `Authorization: Basic ${Buffer.from(`${lettersOf(random, 10)}:sgs_${lettersOf(random, 43)}`).toString('base64')}\r\n`

const jwt = (random: Random): string => `eyJhbGciOiJFUzI1NiJ9.${lettersOf(random, 300)}.${lettersOf(random, 86)}`

/** An address of 2001:db8:bad:1::/64, the network of one subscriber (RFC 6177). */
function addressOf(random: Random): string {
  const host = random.between(1, 0xffff).toString(16)
  return random.pick([
    `2001:db8:bad:1::${host}`,
    `2001:DB8:BAD:1::${host.toUpperCase()}`,
    `2001:db8:bad:1:0:0:0:${host}`,
  ])
}
