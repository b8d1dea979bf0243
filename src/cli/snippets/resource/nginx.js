const ENDPOINT = '__INTROSPECTION_ENDPOINT__'
const CLIENT_ID = '__CLIENT_ID__'

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
  const match = /^bearer +(\S+)$/i.exec(r.headersIn['Authorization'] || '')
  if (!match) return refuse(r, 401, 'invalid_request')
  let state
  try {
    state = await introspect(match[1])
  } catch (error) {
    r.error(String(error))
    return r.return(500) // auth_request knows 401 and 403; all else refuses the request as 500
  }
  const isForThisApi = state.iss === '__ISSUER__' && [].concat(state.aud).includes('__AUDIENCE__')
  // A token with cnf is bound to a key (RFC 9449 §6), which a plain Bearer token does not prove.
  if (!state.active || state.cnf || !isForThisApi) return refuse(r, 401, 'invalid_token')
  //? scope
  if (!(state.scope || '').split(' ').includes('__SCOPE__')) return refuse(r, 403, 'insufficient_scope')
  //? end
  r.headersOut['X-Token-Sub'] = state.sub
  r.headersOut['X-Token-Scope'] = state.scope || ''
  r.return(204)
}

export default { admit }
