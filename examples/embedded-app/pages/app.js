/** The embedded app: takes the forwarded token out of the address bar and calls its own API with it. */
import { receiveToken } from './signet-verify.js'

const element = (id) => document.getElementById(id)
const token = receiveToken({ parentOrigin: document.documentElement.dataset.portal })
const api = `${location.pathname}api/me`

/** Runs a step and shows what came of it; a refusal is shown as text, and never as markup. */
async function show(step) {
  element('error').textContent = ''
  try {
    const response = await step()
    const body = await response.json()
    if (!response.ok) throw new Error(`${response.status} ${body.error}`)
    element('username').textContent = body.claims.username
    element('me').textContent = JSON.stringify(body.claims, null, 2)
  } catch (error) {
    element('error').textContent = error.message
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
