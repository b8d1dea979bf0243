// Passkeys (WebAuthn Level 3). Everything else of a page works without script. The server judges every response.
const { base = '', csrf = '', tx = '' } = document.body.dataset
const sent = { csrf, ...(tx && { tx }) }

const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replaceAll('=', '')
const withBytes = (list = []) => list.map((each) => ({ ...each, id: toBytes(each.id) }))

// The server refused; `body` is its JSON.
class Refused extends Error {
  constructor(body) {
    super('refused')
    this.body = body
  }
}

async function post(path, members) {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ ...sent, ...members }),
  })
  const body = await response.json().catch(() => ({}))
  if (response.ok) return body
  // The sign-in is over, or the person has to sign in anew.
  if (body.location) location.assign(body.location)
  throw new Refused(body)
}

async function askFor(options, terms) {
  const { challenge, allowCredentials } = options
  const publicKey = { ...options, challenge: toBytes(challenge), allowCredentials: withBytes(allowCredentials) }
  const credential = await navigator.credentials.get({ ...terms, publicKey })
  const { clientDataJSON, authenticatorData, signature, userHandle } = credential.response
  return toJson(credential, {
    clientDataJSON: toText(clientDataJSON),
    authenticatorData: toText(authenticatorData),
    signature: toText(signature),
    userHandle: userHandle ? toText(userHandle) : null,
  })
}

async function make(options) {
  const { challenge, user, excludeCredentials } = options
  const credential = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: toBytes(challenge),
      user: { ...user, id: toBytes(user.id) },
      excludeCredentials: withBytes(excludeCredentials),
    },
  })
  const { clientDataJSON, attestationObject } = credential.response
  return toJson(credential, {
    clientDataJSON: toText(clientDataJSON),
    attestationObject: toText(attestationObject),
    transports: credential.response.getTransports?.() ?? [],
  })
}

const toJson = ({ id, rawId, type }, response) => ({ id, rawId: toText(rawId), type, response })

// Hints to the keeper of the passkeys. It is never told from an error that a person has none.
async function signal({ unknown, accepted, details } = {}) {
  const api = globalThis.PublicKeyCredential
  try {
    if (unknown) await api.signalUnknownCredential?.(unknown)
    if (accepted) await api.signalAllAcceptedCredentials?.(accepted)
    if (details) await api.signalCurrentUserDetails?.(details)
  } catch {
    // No browser has to take a hint.
  }
}

// The request for a passkey that is under way: a browser takes one at a time.
let running
let again

async function signIn(terms) {
  running?.abort()
  clearTimeout(again)
  const controller = new AbortController()
  running = controller
  const options = await post(`${base}/login/passkey/options`, {})
  // The challenge is good for ten minutes.
  if (terms.mediation) again = setTimeout(() => void offer(), 9 * 60_000)
  const credential = await askFor(options, { ...terms, signal: controller.signal })
  clearTimeout(again)
  return post(`${base}/login/passkey`, { credential })
}

// Offers passkeys among the suggestions of the form, without a dialogue.
async function offer() {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return
  await run(() => signIn({ mediation: 'conditional' }), undefined)
}

async function add(button) {
  const options = await post(`${base}/account/passkeys/options`, {})
  return post(`${base}/account/passkeys`, { credential: await make(options), name: fieldsOf(button).name })
}

// The page of the form makes the passkey together with the rest of the form.
async function create(button) {
  const form = button.closest('form')
  if (form && !form.reportValidity()) throw new DOMException('', 'AbortError')
  // The attribute, because a button named `action` hides the property.
  const path = new URL(form?.getAttribute('action') ?? '', location.href).pathname
  const fields = fieldsOf(button)
  const options = await post(`${path}/passkey/options`, fields)
  return post(`${path}/passkey`, { ...fields, credential: await make(options) })
}

const fieldsOf = (button) => Object.fromEntries(new FormData(button.closest('form') ?? undefined))

const ACTS = { 'sign-in': () => signIn({}), second: () => signIn({}), add, create }

// The code of an alert where the server has named none.
const REFUSED = 'invalid_credentials'

// The place of the alert. Without an error it has neither role nor text, so that nothing reads it as one.
const place = document.querySelector('[data-passkey-error]')
const wording = place?.querySelector('p')

function warn(code) {
  if (!place || !wording) return
  place.setAttribute('role', 'alert')
  place.dataset.error = code
  place.hidden = false
  wording.textContent = place.dataset.passkeyError
}

function calm() {
  // The notice of an earlier act is no answer to this one.
  document.querySelector('[data-notice]')?.remove()
  if (!place || !wording) return
  place.hidden = true
  wording.textContent = ''
  place.removeAttribute('role')
  delete place.dataset.error
}

// A person who closes the dialogue has made no mistake.
const isQuiet = (error) => error instanceof DOMException && error.name === 'AbortError'

async function run(act, button) {
  calm()
  if (button) button.disabled = true
  try {
    const { location: next, signals } = await act()
    await signal(signals)
    location.assign(next)
  } catch (error) {
    if (error instanceof Refused) await signal(error.body.signals)
    const isSilent = isQuiet(error) || (!button && !(error instanceof Refused))
    if (!isSilent) warn(error instanceof Refused ? (error.body.error ?? REFUSED) : REFUSED)
    if (button) {
      button.disabled = false
      if (button.dataset.passkey === 'sign-in') await offer()
    }
  }
}

if (globalThis.PublicKeyCredential) {
  for (const each of document.querySelectorAll('[data-passkeys]')) each.hidden = false
  for (const button of document.querySelectorAll('[data-passkey]')) {
    button.hidden = false
    button.addEventListener('click', () => run(() => ACTS[button.dataset.passkey](button), button))
  }
  if (document.querySelector('[data-passkey="sign-in"]')) void offer()
  if (document.querySelector('[data-passkey="add"]'))
    post(`${base}/account/passkeys/signals`, {}).then(signal, () => {})
}
