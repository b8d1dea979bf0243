/** nginx with njs: introspection at every request, in front of an API that checks nothing itself. */
import { shell } from '../../ground/shell-word.ts'
import { js, type Facts, type Snippet } from './snippet.ts'

/** The first line of a part of the printed text; each part goes into a file of its own. */
const file = (path: string): string => `# ---- ${path}`

export const nginx = (facts: Facts): Snippet => ({
  snippet: `${file('/etc/nginx/nginx.conf, first lines')}
load_module modules/ngx_http_js_module.so;
env INTROSPECTION_SECRET;

${file('/etc/nginx/conf.d/signet.conf')}
js_path /etc/nginx;
js_import signet from signet.js;
js_fetch_trusted_certificate /etc/ssl/certs/ca-certificates.crt;
resolver 127.0.0.53 ipv6=off; # your name server, to find the issuer

server {
    listen 8080;

    location = /_signet {
        internal;
        js_content signet.admit;
    }

    location / {
        auth_request /_signet;
        auth_request_set $token_sub $sent_http_x_token_sub;
        auth_request_set $token_scope $sent_http_x_token_scope;
        auth_request_set $challenge $sent_http_www_authenticate;
        add_header WWW-Authenticate $challenge always;
        # Always set, so that no caller can send them himself.
        proxy_set_header X-Token-Sub $token_sub;
        proxy_set_header X-Token-Scope $token_scope;
        proxy_set_header Authorization "";
        proxy_pass http://127.0.0.1:3001; # your API
    }
}

${file('/etc/nginx/signet.js')}
${script(facts)}`,
  notes: [
    `the secret of client ${facts.clientId} goes into the environment of nginx as INTROSPECTION_SECRET (systemctl edit nginx)`,
    `better, give nginx a client of its own, which sees tokens for this API alone: signet client create --id nginx --resource ${shell(facts.audience)}`,
    'every request asks the issuer: revocation counts at once; nothing is cached',
    'js_fetch_trusted_certificate and resolver are for an issuer with https and a name; on loopback write 127.0.0.1 into the issuer URL',
  ],
})

const script = ({ introspectionEndpoint, clientId, issuer, audience, scope }: Facts): string => {
  const needed = scope[0]
  const check =
    needed === undefined
      ? ''
      : `    if (!(state.scope || '').split(' ').includes(${js(needed)})) return refuse(r, 403, 'insufficient_scope')\n`
  return `const ENDPOINT = ${js(introspectionEndpoint)}
const CLIENT_ID = ${js(clientId)}

function refuse(r, status, error) {
    r.headersOut['WWW-Authenticate'] = 'Bearer error="' + error + '"'
    r.return(status)
}

async function introspect(token) {
    const credentials = encodeURIComponent(CLIENT_ID) + ':' + encodeURIComponent(process.env.INTROSPECTION_SECRET)
    const answer = await ngx.fetch(ENDPOINT, {
        method: 'POST',
        headers: {
            Authorization: 'Basic ' + Buffer.from(credentials).toString('base64'),
            'Content-Type': 'application/x-www-form-urlencoded',
        },
        body: 'token=' + encodeURIComponent(token),
    })
    if (answer.status !== 200) throw new Error('introspection answered ' + answer.status)
    return answer.json()
}

async function admit(r) {
    const match = /^bearer +(\\S+)$/i.exec(r.headersIn['Authorization'] || '')
    if (!match) return refuse(r, 401, 'invalid_request')
    let state
    try {
        state = await introspect(match[1])
    } catch (error) {
        r.error(String(error))
        return r.return(500) // auth_request knows 401 and 403; all else refuses the request as 500
    }
    const audience = [].concat(state.aud)
    if (!state.active || state.cnf || state.iss !== ${js(issuer)} || !audience.includes(${js(audience)})) {
        return refuse(r, 401, 'invalid_token')
    }
${check}    r.headersOut['X-Token-Sub'] = state.sub
    r.headersOut['X-Token-Scope'] = state.scope || ''
    r.return(204)
}

export default { admit }
`
}
