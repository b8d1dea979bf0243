/** Apps that teams run themselves. */
import { boxes, discoveryOf, PROFILE, SIGN_IN, WITH_GROUPS, WITH_REFRESH, type Preset } from './preset.ts'

const NO_PKCE = { require_pkce: false }
const POST = { token_endpoint_auth_method: 'client_secret_post' }

const grafana: Preset = {
  title: 'Grafana',
  hasUrl: true,
  metadata: (url) => ({
    redirect_uris: [`${url}/login/generic_oauth`],
    post_logout_redirect_uris: [`${url}/login`],
    grant_types: WITH_REFRESH,
    scope: `${WITH_GROUPS} offline_access`,
  }),
  paste: ({ at, brand, clientId, clientSecret, url }) => `# grafana.ini
[server]
root_url = ${url}

[auth.generic_oauth]
enabled = true
name = ${brand}
client_id = ${clientId}
client_secret = ${clientSecret}
scopes = ${WITH_GROUPS} offline_access
auth_url = ${at('/authorize')}
token_url = ${at('/token')}
api_url = ${at('/userinfo')}
signout_redirect_url = ${at('/logout')}?client_id=${clientId}&post_logout_redirect_uri=${encodeURIComponent(`${url}/login`)}
use_pkce = true
use_refresh_token = true
login_attribute_path = preferred_username
name_attribute_path = name
groups_attribute_path = groups
role_attribute_path = contains(groups[*], 'grafana-admins') && 'Admin' || contains(groups[*], 'grafana-editors') && 'Editor' || 'Viewer'`,
  notes: [
    'root_url must be the address that people open, or Grafana sends another redirect URI',
    'roles follow the groups grafana-admins and grafana-editors: signet group create grafana-admins',
  ],
}

/** Gitea asks for no PKCE; Forgejo does. */
const gitea = (title: string, change: Record<string, unknown>): Preset => ({
  title,
  hasUrl: true,
  metadata: (url) => ({
    redirect_uris: [`${url}/user/oauth2/signet/callback`],
    grant_types: SIGN_IN,
    scope: WITH_GROUPS,
    ...change,
  }),
  paste: (values) =>
    boxes([
      ['Authentication type', 'OAuth2'],
      ['Authentication name', 'signet'],
      ['OAuth2 provider', 'OpenID Connect'],
      ['Client ID (Key)', values.clientId],
      ['Client secret', values.clientSecret ?? ''],
      ['OpenID Connect Auto Discovery URL', discoveryOf(values)],
      ['Additional scopes', 'profile email groups'],
      ['Claim name providing group names', 'groups'],
    ]),
  notes: [
    `the authentication name is a part of the redirect URI: keep "signet"`,
    `${title} reads the discovery document once, at its start: Signet has to run before it`,
  ],
})

const gitlab: Preset = {
  title: 'GitLab',
  hasUrl: true,
  metadata: (url) => ({
    redirect_uris: [`${url}/users/auth/openid_connect/callback`],
    grant_types: SIGN_IN,
    scope: WITH_GROUPS,
  }),
  paste: ({ issuer, brand, clientId, clientSecret, redirectUris }) => `# gitlab.rb, then: gitlab-ctl reconfigure
gitlab_rails['omniauth_allow_single_sign_on'] = ['openid_connect']
# Without the next line an administrator has to approve each new person.
# gitlab_rails['omniauth_block_auto_created_users'] = false
gitlab_rails['omniauth_providers'] = [
  {
    name: "openid_connect",
    label: "${brand}",
    args: {
      name: "openid_connect",
      scope: ["openid", "profile", "email", "groups"],
      response_type: "code",
      issuer: "${issuer}",
      discovery: true,
      client_auth_method: "basic",
      uid_field: "preferred_username",
      pkce: true,
      client_options: {
        identifier: "${clientId}",
        secret: "${clientSecret}",
        redirect_uri: "${redirectUris[0]}"
      }
    }
  }
]`,
  notes: ['without omniauth_allow_single_sign_on, people who have no account in GitLab are refused'],
}

const nextcloud: Preset = {
  title: 'Nextcloud',
  part: 'app user_oidc',
  hasUrl: true,
  metadata: (url) => ({
    redirect_uris: [`${url}/apps/user_oidc/code`, `${url}/index.php/apps/user_oidc/code`],
    post_logout_redirect_uris: [url, `${url}/`, `${url}/index.php/apps/user_oidc/sls`],
    backchannel_logout_uri: `${url}/index.php/apps/user_oidc/backchannel-logout/signet`,
    backchannel_logout_session_required: true,
    grant_types: SIGN_IN,
    scope: WITH_GROUPS,
    ...POST,
  }),
  paste: (values) => `occ app:install user_oidc
occ user_oidc:provider signet \\
  --clientid='${values.clientId}' \\
  --clientsecret='${values.clientSecret}' \\
  --discoveryuri='${discoveryOf(values)}' \\
  --scope='${WITH_GROUPS}' \\
  --mapping-uid=preferred_username --mapping-display-name=name --mapping-email=email --mapping-groups=groups \\
  --unique-uid=0 --group-provisioning=1`,
  notes: ['the provider’s name "signet" is a part of the address of back-channel logout: keep it'],
}

const immich: Preset = {
  title: 'Immich',
  hasUrl: true,
  metadata: (url) => ({
    redirect_uris: [`${url}/auth/login`, `${url}/user-settings`, `${url}/api/oauth/mobile-redirect`],
    post_logout_redirect_uris: [`${url}/auth/login`],
    backchannel_logout_uri: `${url}/api/oauth/backchannel-logout`,
    grant_types: SIGN_IN,
    scope: PROFILE,
    ...POST,
  }),
  paste: (values) =>
    boxes([
      ['Issuer URL', discoveryOf(values)],
      ['Client ID', values.clientId],
      ['Client secret', values.clientSecret ?? ''],
      ['Scope', PROFILE],
      ['Signing algorithm', 'RS256'],
      ['Token endpoint auth method', 'client_secret_post'],
      ['Mobile redirect URI override', `on: ${values.url}/api/oauth/mobile-redirect`],
    ]),
  notes: [
    'without the override the mobile app comes back by a private scheme, which a client with a secret cannot use',
  ],
}

const jellyfin: Preset = {
  title: 'Jellyfin',
  part: 'plugin SSO-Auth',
  hasUrl: true,
  metadata: (url) => ({
    redirect_uris: [`${url}/sso/OID/redirect/signet`, `${url}/sso/OID/r/signet`],
    grant_types: SIGN_IN,
    scope: WITH_GROUPS,
    ...POST,
  }),
  paste: (values) =>
    boxes([
      ['Name of OpenID provider', 'signet'],
      ['OpenID endpoint', values.issuer],
      ['OpenID client ID', values.clientId],
      ['OpenID secret', values.clientSecret ?? ''],
      ['Enabled', 'on'],
      ['Role claim', 'groups'],
      ['Admin roles', 'jellyfin-admins'],
      ['Request additional scopes', 'groups'],
      ['Default username claim', 'preferred_username'],
      ['Scheme override', new URL(values.url).protocol.replace(':', '')],
    ]),
  notes: ['the provider’s name "signet" is a part of the redirect URI: keep it', 'the issuer has to be https'],
}

const portainer: Preset = {
  title: 'Portainer',
  hasUrl: true,
  metadata: (url) => ({
    redirect_uris: [url, `${url}/`],
    grant_types: SIGN_IN,
    scope: WITH_GROUPS,
    ...POST,
    ...NO_PKCE,
  }),
  paste: ({ at, clientId, clientSecret, url }) =>
    boxes([
      ['Provider', 'Custom'],
      ['Client ID', clientId],
      ['Client secret', clientSecret ?? ''],
      ['Authorization URL', at('/authorize')],
      ['Access token URL', at('/token')],
      ['Resource URL', at('/userinfo')],
      ['Redirect URL', url],
      ['Logout URL', at('/logout')],
      ['User identifier', 'preferred_username'],
      ['Scopes', WITH_GROUPS],
      ['Auth style', 'In Params'],
    ]),
  notes: ['Portainer sends no PKCE, so this client is allowed to go without'],
}

const argocd: Preset = {
  title: 'Argo CD',
  hasUrl: true,
  metadata: (url) => ({
    redirect_uris: [`${url}/auth/callback`],
    post_logout_redirect_uris: [url],
    grant_types: WITH_REFRESH,
    scope: `${WITH_GROUPS} offline_access`,
    ...NO_PKCE,
  }),
  paste: ({ issuer, brand, clientId, clientSecret, url }) => `# ConfigMap argocd-cm
data:
  url: ${url}
  oidc.config: |
    name: ${brand}
    issuer: ${issuer}
    clientID: ${clientId}
    clientSecret: ${clientSecret}
    requestedScopes: ["openid", "profile", "email", "groups"]
    requestedIDTokenClaims: {"groups": {"essential": true}}
# ConfigMap argocd-rbac-cm
data:
  scopes: '[groups]'
  policy.csv: |
    g, argocd-admins, role:admin`,
  notes: [
    'the argocd command needs a public client of its own: signet client create --auth-method none --grant authorization_code --redirect-uri http://localhost:8085/auth/callback --scope "openid profile email groups", then cliClientID in oidc.config',
  ],
}

const minio: Preset = {
  title: 'MinIO',
  hasUrl: true,
  metadata: (url) => ({
    redirect_uris: [`${url}/oauth_callback`],
    grant_types: SIGN_IN,
    scope: WITH_GROUPS,
    claim_map: { policy: 'groups' },
    ...NO_PKCE,
  }),
  paste: (values) => `MINIO_IDENTITY_OPENID_CONFIG_URL=${discoveryOf(values)}
MINIO_IDENTITY_OPENID_CLIENT_ID=${values.clientId}
MINIO_IDENTITY_OPENID_CLIENT_SECRET=${values.clientSecret}
MINIO_IDENTITY_OPENID_SCOPES=openid,profile,email,groups
MINIO_IDENTITY_OPENID_CLAIM_NAME=policy
MINIO_IDENTITY_OPENID_DISPLAY_NAME=${values.brand}
MINIO_BROWSER_REDIRECT_URL=${values.url}`,
  notes: ['a person gets the policies that are named as the person’s groups, such as consoleAdmin or readwrite'],
}

const proxmox: Preset = {
  title: 'Proxmox VE',
  hasUrl: true,
  metadata: (url) => ({ redirect_uris: [url], grant_types: SIGN_IN, scope: WITH_GROUPS }),
  paste: ({ issuer, clientId, clientSecret }) =>
    `pveum realm add signet --type openid --issuer-url '${issuer}' --client-id '${clientId}' --client-key '${clientSecret}' \\
  --username-claim username --scopes '${WITH_GROUPS}' --autocreate 1`,
  notes: [
    'the user name claim cannot be changed later: "username" stands for preferred_username',
    'the redirect URI is the address that people open, without a path and with its port',
  ],
}

const synology: Preset = {
  title: 'Synology DSM',
  hasUrl: true,
  metadata: (url) => ({ redirect_uris: [url], grant_types: SIGN_IN, scope: PROFILE, ...POST, ...NO_PKCE }),
  paste: (values) =>
    boxes([
      ['Profile', 'OIDC'],
      ['Account type', 'Domain/LDAP/local'],
      ['Name', values.brand],
      ['Well-known URL', discoveryOf(values)],
      ['Application ID', values.clientId],
      ['Application secret', values.clientSecret ?? ''],
      ['Redirect URI', values.url],
      ['Authorization scope', PROFILE],
      ['Username claim', 'preferred_username'],
    ]),
  notes: ['the account has to exist in DSM under the same user name', 'DSM trusts no private certificate authority'],
}

export const SELF_HOSTED = {
  grafana,
  gitea: gitea('Gitea', NO_PKCE),
  forgejo: gitea('Forgejo', {}),
  gitlab,
  nextcloud,
  immich,
  jellyfin,
  portainer,
  argocd,
  minio,
  proxmox,
  synology,
} satisfies Record<string, Preset>
