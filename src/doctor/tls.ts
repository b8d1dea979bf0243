/** The certificate of an issuer, as a verifier's TLS library judges it. */
import { connect, type TLSSocket } from 'node:tls'
import { isExposedHttp } from '../config/loopback.ts'
import { bad, good, warn, type Check } from './check.ts'

const PATIENCE_MS = 5000

/** A certificate that ends sooner is a finding: automatic renewal has failed by then. */
const SOON_DAYS = 7

interface Cause {
  found: string
  fix: string
}

const TRUST =
  'serve one from an authority that your apps trust, or give them yours: NODE_EXTRA_CA_CERTS=ca.pem for Node, SSL_CERT_FILE for Python and Go'

/** Error codes of OpenSSL and Node with their meaning. */
const CAUSES: Readonly<Record<string, Cause>> = {
  CERT_HAS_EXPIRED: { found: 'the certificate has expired', fix: 'renew it, and see why it was not renewed by itself' },
  CERT_NOT_YET_VALID: {
    found: 'the certificate is not valid yet',
    fix: 'compare the clock of this machine with the date in the certificate',
  },
  DEPTH_ZERO_SELF_SIGNED_CERT: { found: 'the certificate is self-signed', fix: TRUST },
  SELF_SIGNED_CERT_IN_CHAIN: { found: 'the certificate comes from an authority that is not known here', fix: TRUST },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: {
    found: 'the certificate comes from an authority that is not known here, or the chain is incomplete',
    fix: `serve the whole chain (fullchain.pem); else ${TRUST}`,
  },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: {
    found: 'the chain is incomplete: the intermediate certificate is not sent',
    fix: `serve the whole chain (fullchain.pem); else ${TRUST}`,
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    found: 'the certificate is for another host name',
    fix: 'get one whose subjectAltName has the host of the issuer URL',
  },
  ERR_SSL_WRONG_VERSION_NUMBER: {
    found: 'there is no TLS on that port, plain http answers',
    fix: 'let the proxy speak https there, or correct the port of the issuer URL',
  },
  ERR_SSL_PACKET_LENGTH_TOO_LONG: {
    found: 'there is no TLS on that port, plain http answers',
    fix: 'let the proxy speak https there, or correct the port of the issuer URL',
  },
}

/** The meaning of a TLS error; `undefined` for an unknown error. */
export function explainCertificate(error: unknown): Cause | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
  return CAUSES[code]
}

/**
 * Checks that the connection to a URL is encrypted, and that its certificate proves the server.
 * @param allowsHttp whether the operator has allowed plain http to another machine
 */
export async function checkTls(address: string, allowsHttp: boolean): Promise<Check> {
  const url = new URL(address)
  if (url.protocol === 'https:') return checkCertificate(url)
  if (!isExposedHttp(url)) return good('tls', 'plain http, which is fine on this machine itself')
  const found = `plain http to ${url.hostname}: anybody on the way can read tokens, and replace keys by others`
  return allowsHttp
    ? warn('tls', `${found}; SIGNET_ALLOW_HTTP allows it`, 'put TLS in front before others than developers use it')
    : bad(
        'tls',
        found,
        'put TLS in front, and name the https URL as issuer; for development alone: SIGNET_ALLOW_HTTP=true here, allowHttp: true in signet-verify',
      )
}

function checkCertificate(url: URL): Promise<Check> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return new Promise((resolve) => {
    // Not refused at once, so that dates and names can be told; nothing is sent over it.
    const socket = connect({ host, port: Number(url.port || 443), servername: host, rejectUnauthorized: false }, () =>
      settle(judge(socket, host)),
    )
    const settle = (check: Check) => {
      socket.destroy()
      resolve(check)
    }
    socket.setTimeout(PATIENCE_MS, () => settle(bad('tls', `no answer within ${PATIENCE_MS / 1000} s`)))
    socket.once('error', (error) => settle(refused(error, host)))
  })
}

function refused(error: Error, host: string): Check {
  const cause = explainCertificate(error)
  return bad('tls', `${host}: ${cause?.found ?? error.message}`, cause?.fix ?? 'check the URL, and what listens there')
}

function judge(socket: TLSSocket, host: string): Check {
  const { valid_to: until, subjectaltname: names } = socket.getPeerCertificate()
  const days = Math.floor((Date.parse(until) - Date.now()) / 86_400_000)
  const found = `certificate of ${host} until ${until}`
  if (!socket.authorized) {
    // Node's type says Error; documented and given is the code.
    const cause = explainCertificate(socket.authorizationError)
    const detail = cause?.found ?? `the certificate is refused: ${String(socket.authorizationError)}`
    return bad('tls', `${found}: ${detail} (names: ${names ?? 'none'})`, cause?.fix ?? TRUST)
  }
  return days > SOON_DAYS
    ? good('tls', found)
    : bad('tls', `${found}: ${days} days left`, 'renew it now: no verifier can fetch keys once it has ended')
}
