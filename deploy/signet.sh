#!/bin/sh
# The command line beside deploy/signet.service, with the service's own user, files and variables. Root runs it as
# /usr/local/sbin/signet. Run by root directly, Signet would work with other variables than the service.
# A variable that is given with the command counts more than the service's, so that a restore can be tried elsewhere:
# SIGNET_DATABASE_URL=file:/tmp/try/signet.db signet restore FILE
set -eu
umask 077
# Root's own programs, whatever path the caller brought.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
cd /var/lib/signet

# Node opens /dev/null in the place of a closed standard output, so that a result would be lost without a word.
if ! { true 3>&1; } 2> /dev/null; then
  echo "signet: standard output cannot be written: it is closed" >&2
  echo "  nothing was done; for no output: >/dev/null" >&2
  exit 1
fi

# Reads the file as systemd does: NAME=value, a line each, quotes around the value removed, comments with # or ;.
# The shell never runs a word of it, nor of the caller's variables: both are only ever assigned.
file=/etc/signet/signet.env
number=0
carriage_return=$(printf '\r')
while IFS= read -r line || [ -n "$line" ]; do
  number=$((number + 1))
  line=${line%"$carriage_return"}
  # Without blanks around it.
  line=${line#"${line%%[![:blank:]]*}"}
  line=${line%"${line##*[![:blank:]]}"}
  case $line in '' | '#'* | ';'*) continue ;; esac
  name=${line%%=*}
  case $name in
    "$line" | '' | [!A-Za-z_]* | *[!A-Za-z0-9_]*)
      echo "signet: $file:$number: expected NAME=value" >&2
      exit 1
      ;;
  esac
  value=${line#*=}
  case $value in
    '"'*'"') value=${value#'"'} value=${value%'"'} ;;
    "'"*"'") value=${value#"'"} value=${value%"'"} ;;
  esac
  # Set in the environment already: the caller's counts.
  if ! printenv "$name" >/dev/null; then export "$name=$value"; fi
done <"$file"

export SIGNET_DATABASE_URL="${SIGNET_DATABASE_URL:-file:/var/lib/signet/data/signet.db}"
export SIGNET_KEYS_DIR="${SIGNET_KEYS_DIR:-/var/lib/signet/keys}"
# Handed over in memory: the file stays root's.
if [ -z "${SIGNET_MASTER_KEY:-}${SIGNET_MASTER_KEY_FILE:-}" ]; then
  SIGNET_MASTER_KEY=$(cat /etc/signet/master.key)
  export SIGNET_MASTER_KEY
fi
exec setpriv --reuid signet --regid signet --clear-groups /usr/bin/node /opt/signet/dist/signet.js "$@"
