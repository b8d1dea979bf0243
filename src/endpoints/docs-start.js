// Starts the page /docs. Addresses are relative to the page, so that they hold below any path of the issuer.
const { issuer, demo } = document.body.dataset
const isAtIssuer = new URL(issuer).origin === location.origin

// The style sheet of Swagger UI has dark colours too, which a class switches on.
const dark = matchMedia('(prefers-color-scheme: dark)')
const followColours = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', followColours)
followColours()

const show = (id) => {
  const element = document.getElementById(id)
  element.hidden = false
  return element
}

/** A token of the demo client, where the issuer gives one to this page. */
async function fetchDemoToken() {
  if (demo === undefined || !isAtIssuer) return undefined
  const response = await fetch('docs/demo-token', { method: 'POST' })
  return response.ok ? response.json() : undefined
}

const formOf = (description, path) =>
  description.paths[path].post.requestBody.content['application/x-www-form-urlencoded']

/** The description with the values that the demo client sends. */
async function describeDemo({ access_token: token }) {
  const description = await (await fetch('openapi.json')).json()
  formOf(description, '/token').examples.client_credentials.value.scope = 'demo:read offline_access'
  for (const path of ['/introspect', '/revoke']) formOf(description, path).schema.properties.token.example = token
  return description
}

async function start() {
  if (!isAtIssuer) show('elsewhere').querySelector('.here').textContent = location.origin
  const issued = await fetchDemoToken()
  if (issued) show('demo').querySelector('.token').textContent = issued.access_token
  SwaggerUIBundle({
    ...(issued ? { spec: await describeDemo(issued) } : { url: 'openapi.json' }),
    dom_id: '#description',
    deepLinking: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    validatorUrl: null,
  })
}

await start()
