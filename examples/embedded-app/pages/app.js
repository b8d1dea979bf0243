/** The embedded app: takes the forwarded token out of the address bar and calls its own API with it. */
import { receiveToken } from './signet-verify.js'

const element = (id) => document.getElementById(id)
const token = receiveToken({ parentOrigin: document.documentElement.dataset.portal })
const api = `${location.pathname}api/me`

const timeOf = (ms) => new Date(ms).toLocaleTimeString()

/** What the page says of the person, or that it knows nobody. Values are shown as text, and never as markup. */
function tell({ claims, error = '' }) {
  element('username').textContent = claims?.username ?? 'not known'
  element('me').textContent = claims ? JSON.stringify(claims, null, 2) : ''
  element('answered').textContent = claims
    ? `Answered at ${timeOf(Date.now())}, for a token that ends at ${timeOf(claims.exp * 1000)}.`
    : ''
  element('error').textContent = error
}

/** Runs a step and shows its result. Nothing of a person is left on the page once the API refuses the token. */
async function show(step) {
  try {
    const response = await step()
    const body = await response.json()
    if (!response.ok) throw new Error(`${response.status} ${body.error}`)
    tell({ claims: body.claims })
  } catch (error) {
    tell({ error: error.message })
  }
}

const ask = () => token.fetch(api)
const renewAndAsk = async () => {
  await token.refresh()
  return ask()
}

element('ask').addEventListener('click', () => show(ask))
element('renew').addEventListener('click', () => show(renewAndAsk))
void show(ask)
