#!/bin/sh
# Calls an API with a token of client __CLIENT_ID__:
#   sh call.sh __API_URL__    (and further options of curl)
# The token is kept in a file until shortly before its end. After a 401, as for a revoked token, a new one is tried once.
# Secrets reach curl through its standard input: every user of the machine can read the arguments of a process.
set -eu
umask 077
# Shown once, when the client was made. A new one: signet client rotate-secret __CLIENT_ID__
: "${CLIENT_SECRET:?is not set}"
: "${SUBJECT:?is the id of the person that you signed in}" #? subject
[ $# -gt 0 ] || { echo "usage: sh call.sh URL [option of curl]..." >&2; exit 2; }

# Every byte percent-encoded, as forms and Basic credentials need it (RFC 6749 §2.3.1).
encode() { od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g'; }

request_token() {
  {
    printf 'user = "%s:%s"\n' '__CLIENT_ID_ENCODED__' "$(printf %s "$CLIENT_SECRET" | encode)" #? client_secret_basic
    printf 'data = "client_id=%s"\n' '__CLIENT_ID_ENCODED__' #? client_secret_post
    printf 'data = "client_secret=%s"\n' "$(printf %s "$CLIENT_SECRET" | encode)" #? client_secret_post
    printf 'data = "grant_type=%s"\n' '__GRANT_TYPE__'
    printf 'data = "subject=%s"\n' "$(printf %s "$SUBJECT" | encode)" #? subject
    printf 'data-urlencode = "resource=%s"\n' '__AUDIENCE__'
    printf 'data-urlencode = "scope=%s"\n' '__SCOPES__' #? scope
  } | curl -sS --max-time 10 --config - '__TOKEN_ENDPOINT__'
}

KEPT="${XDG_RUNTIME_DIR:-${HOME:?}/.cache}/signet/"'__CACHE_NAME__'
OWNER=client #? client_credentials
OWNER=$(printf %s "$SUBJECT" | encode) #? subject

# Sets TOKEN from the file, or fails.
read_token() {
  [ -r "$KEPT" ] && read -r renew_at owner TOKEN <"$KEPT" && [ "$owner" = "$OWNER" ] && [ "$(date +%s)" -lt "$renew_at" ]
}

# Sets TOKEN from the issuer, and keeps it.
renew_token() {
  asked_at=$(date +%s)
  answer=$(request_token)
  TOKEN=$(printf '%s\n' "$answer" | sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p')
  seconds=$(printf '%s\n' "$answer" | sed -n 's/.*"expires_in":\([0-9]*\).*/\1/p')
  [ -n "$TOKEN" ] || { printf '%s\n' "$answer" >&2; exit 1; }
  margin=$((seconds / 10))
  [ "$margin" -le 60 ] || margin=60
  mkdir -p "${KEPT%/*}"
  printf '%s %s %s\n' "$((asked_at + seconds - margin))" "$OWNER" "$TOKEN" >"$KEPT.$$"
  mv "$KEPT.$$" "$KEPT"
}

BODY=$(mktemp)
trap 'rm -f "$BODY"' EXIT

# Sets STATUS, and writes the answer to BODY.
call() {
  STATUS=$(printf 'header = "Authorization: Bearer %s"\n' "$TOKEN" | curl -sS --config - -o "$BODY" -w '%{http_code}' "$@")
}

read_token || renew_token
call "$@"
if [ "$STATUS" = 401 ]; then
  renew_token
  call "$@"
fi
cat "$BODY"
case $STATUS in
2*) ;;
401 | 403)
  echo "the API answered $STATUS; the reason: signet doctor TOKEN --resource "'__AUDIENCE__' >&2
  exit 1
  ;;
*)
  echo "the API answered $STATUS" >&2
  exit 1
  ;;
esac
