/** The embedding page: gets a token from its own server, forwards it in the fragment, and renews it when asked. */
import { answerTokenRequests } from './signet-verify.js'

const appOrigin = document.documentElement.dataset.app
const frame = document.getElementById('app')

/** The session's cookie says who it is for; the page itself names nobody. */
async function forwardedToken() {
  const response = await fetch('/forwarded-token', { method: 'POST' })
  if (!response.ok) throw new Error('nobody is signed in')
  return response.json()
}

answerTokenRequests({ frame, appOrigin, getToken: async () => (await forwardedToken()).token })

// A fragment is not sent to any server: neither logs nor proxies between see the token.
forwardedToken().then(
  ({ token, organisation }) => (frame.src = `${appOrigin}/${organisation}/#token=${token}`),
  () => frame.remove(),
)
