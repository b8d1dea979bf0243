/** Clusters, secret stores, proxies and clouds: they take ID tokens or access tokens as credentials. */
import { boxes, discoveryOf, PROFILE, SIGN_IN, WITH_GROUPS, WITH_REFRESH, type Preset } from './preset.ts'

const PUBLIC = { token_endpoint_auth_method: 'none', application_type: 'native' }
const NO_PKCE = { require_pkce: false }

const kubernetes: Preset = {
  title: 'Kubernetes',
  part: 'kubectl with kubelogin',
  hasUrl: false,
  metadata: () => ({
    ...PUBLIC,
    redirect_uris: [
      'http://localhost:8000',
      'http://localhost:18000',
      'http://localhost:8000/',
      'http://localhost:18000/',
    ],
    grant_types: WITH_REFRESH,
    scope: `${WITH_GROUPS} offline_access`,
    id_token_ttl: '15m',
  }),
  paste: ({ issuer, clientId }) => `# of the API server: --authentication-config=FILE
apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
jwt:
  - issuer:
      url: ${issuer}
      audiences: [${clientId}]
    claimMappings:
      username: { claim: email, prefix: "" }
      groups: { claim: groups, prefix: "signet:" }

# of each person
kubectl oidc-login setup --oidc-issuer-url=${issuer} --oidc-client-id=${clientId} --oidc-extra-scope=profile --oidc-extra-scope=email --oidc-extra-scope=groups --oidc-extra-scope=offline_access`,
  notes: [
    'the issuer has to be https with a certificate that the API server trusts',
    'the API server checks the ID token alone: a revoked person keeps access until it expires, here 15 minutes',
  ],
}

const vault = (title: string, command: string): Preset => ({
  title,
  hasUrl: true,
  metadata: (url) => ({
    redirect_uris: [`${url}/ui/vault/auth/oidc/oidc/callback`, 'http://localhost:8250/oidc/callback'],
    grant_types: SIGN_IN,
    scope: WITH_GROUPS,
  }),
  paste: ({ issuer, clientId, clientSecret, redirectUris }) => `${command} auth enable oidc
${command} write auth/oidc/config oidc_discovery_url='${issuer}' oidc_client_id='${clientId}' oidc_client_secret='${clientSecret}' default_role=person
${command} write auth/oidc/role/person user_claim=preferred_username groups_claim=groups oidc_scopes='profile,email,groups' \\
  bound_audiences='${clientId}' allowed_redirect_uris='${redirectUris.join(',')}' policies=default`,
  notes: [
    `a group of Signet becomes a group of ${title} by an alias: ${command} write identity/group-alias name=GROUP mount_accessor=… canonical_id=…`,
  ],
})

const tailscale: Preset = {
  title: 'Tailscale',
  hasUrl: false,
  metadata: () => ({
    redirect_uris: ['https://login.tailscale.com/a/oauth_response'],
    grant_types: SIGN_IN,
    scope: PROFILE,
    ...NO_PKCE,
  }),
  paste: (values) =>
    `${boxes([
      ['Identity provider', 'OpenID Connect'],
      ['Client ID', values.clientId],
      ['Client secret', values.clientSecret ?? ''],
      ['Scopes', PROFILE],
    ])}

# at https://DOMAIN/.well-known/webfinger, where DOMAIN is the domain of your e-mail address
{"subject":"acct:YOU@DOMAIN","links":[{"rel":"http://openid.net/specs/connect/1.0/issuer","href":"${values.issuer}"}]}`,
  notes: [
    'Tailscale asks the domain of your address for the issuer: serve the second block there as JSON',
    'Tailscale asks from the internet, so the issuer has to be reachable from there',
  ],
}

const cloudflare: Preset = {
  title: 'Cloudflare Access',
  hasUrl: true,
  metadata: (url) => ({ redirect_uris: [`${url}/cdn-cgi/access/callback`], grant_types: SIGN_IN, scope: WITH_GROUPS }),
  paste: ({ at, brand, clientId, clientSecret }) =>
    boxes([
      ['Login method', 'OpenID Connect'],
      ['Name', brand],
      ['App ID', clientId],
      ['Client secret', clientSecret ?? ''],
      ['Auth URL', at('/authorize')],
      ['Token URL', at('/token')],
      ['Certificate URL', at('/.well-known/jwks.json')],
      ['Proof Key for Code Exchange (PKCE)', 'on'],
      ['OIDC scopes', 'openid profile email groups'],
      ['OIDC claims', 'groups'],
      ['Email claim', 'email'],
    ]),
  notes: [
    '--url is the address of your team: https://TEAM.cloudflareaccess.com',
    'the PKCE switch is off at first: switch it on',
  ],
}

const oauth2Proxy: Preset = {
  title: 'oauth2-proxy',
  hasUrl: true,
  metadata: (url) => ({
    redirect_uris: [`${url}/oauth2/callback`],
    grant_types: WITH_REFRESH,
    scope: `${WITH_GROUPS} offline_access`,
  }),
  paste: ({ issuer, brand, clientId, clientSecret, redirectUris }) => `# oauth2-proxy.cfg
provider = "oidc"
provider_display_name = "${brand}"
oidc_issuer_url = "${issuer}"
client_id = "${clientId}"
client_secret = "${clientSecret}"
redirect_url = "${redirectUris[0]}"
scope = "${WITH_GROUPS} offline_access"
code_challenge_method = "S256"
email_domains = ["*"]
cookie_secret = "" # openssl rand -base64 32 | tr -- '+/' '-_'
cookie_refresh = "10m"`,
  notes: ['each person needs an e-mail address, or oauth2-proxy refuses the sign-in'],
}

const apache: Preset = {
  title: 'Apache',
  part: 'mod_auth_openidc',
  hasUrl: true,
  metadata: (url) => ({
    redirect_uris: [`${url}/oidc/callback`],
    post_logout_redirect_uris: [url, `${url}/`],
    backchannel_logout_uri: `${url}/oidc/callback?logout=backchannel`,
    backchannel_logout_session_required: true,
    grant_types: WITH_REFRESH,
    scope: WITH_GROUPS,
  }),
  paste: (values) => `OIDCProviderMetadataURL ${discoveryOf(values)}
OIDCClientID ${values.clientId}
OIDCClientSecret ${values.clientSecret}
OIDCRedirectURI ${values.redirectUris[0]}
OIDCCryptoPassphrase "exec:/usr/bin/openssl rand -hex 32"
OIDCScope "${WITH_GROUPS}"
OIDCPKCEMethod S256
OIDCRemoteUserClaim preferred_username
<Location />
  AuthType openid-connect
  Require valid-user
</Location>`,
  notes: ['no file may stand at /oidc/callback: the module answers there itself'],
}

/** A cloud takes the access tokens of a service for its own. It is a resource, and the client needs no person. */
const cloud = (title: string, audience: string, paste: Preset['paste'], notes: readonly string[]): Preset => ({
  title,
  hasUrl: false,
  metadata: () => ({ grant_types: ['client_credentials'], resources: [audience] }),
  paste,
  resource: { id: audience, flags: '--alg RS256 --typ JWT --ttl 15m' },
  notes: ['the issuer has to be https, on the internet, and without a port', ...notes],
})

const aws = cloud(
  'AWS (IAM, web identity)',
  'sts.amazonaws.com',
  ({ issuer, clientId }) => `aws iam create-open-id-connect-provider --url ${issuer} --client-id-list sts.amazonaws.com
# trust policy of the role
{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::ACCOUNT:oidc-provider/${issuer.replace(/^https:\/\//, '')}"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"${issuer.replace(/^https:\/\//, '')}:sub":"${clientId}","${issuer.replace(/^https:\/\//, '')}:aud":"sts.amazonaws.com"}}}]}`,
  [],
)

const gcp = cloud(
  'Google Cloud (workload identity federation)',
  'https://iam.googleapis.com/signet',
  ({ issuer, clientId }) => `gcloud iam workload-identity-pools create signet --location=global
gcloud iam workload-identity-pools providers create-oidc signet --location=global --workload-identity-pool=signet \\
  --issuer-uri='${issuer}' --allowed-audiences=https://iam.googleapis.com/signet --attribute-mapping=google.subject=assertion.sub \\
  --attribute-condition="assertion.sub=='${clientId}'"`,
  [],
)

const azure = cloud(
  'Azure (Entra workload identity federation)',
  'api://AzureADTokenExchange',
  ({ issuer, clientId }) => `az ad app federated-credential create --id APP_ID --parameters '{
  "name": "signet",
  "issuer": "${issuer}",
  "subject": "${clientId}",
  "audiences": ["api://AzureADTokenExchange"]
}'`,
  ['Entra compares issuer, subject and audience letter by letter'],
)

export const CLUSTERS = {
  kubernetes,
  vault: vault('Vault', 'vault'),
  openbao: vault('OpenBao', 'bao'),
  tailscale,
  cloudflare,
  'oauth2-proxy': oauth2Proxy,
  apache,
  aws,
  gcp,
  azure,
} satisfies Record<string, Preset>
