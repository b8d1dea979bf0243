#!/bin/sh
# The command line beside deploy/signet.service: the service's own user, files and variables. Root runs it, as
# /usr/local/sbin/signet; run as root itself, Signet would make files that the service cannot open.
# A variable that is given with the command counts more than the service's, so that a restore can be tried elsewhere:
# SIGNET_DATABASE_URL=file:/tmp/try/signet.db signet restore FILE
set -eu
umask 077
cd /var/lib/signet
given=$(export -p | grep '^export SIGNET_' || true)
set -a
. /etc/signet/signet.env
eval "$given"
set +a
export SIGNET_DATABASE_URL="${SIGNET_DATABASE_URL:-file:/var/lib/signet/data/signet.db}"
export SIGNET_KEYS_DIR="${SIGNET_KEYS_DIR:-/var/lib/signet/keys}"
# Handed over in memory: the file stays root's.
if [ -z "${SIGNET_MASTER_KEY:-}${SIGNET_MASTER_KEY_FILE:-}" ]; then
  SIGNET_MASTER_KEY=$(cat /etc/signet/master.key)
  export SIGNET_MASTER_KEY
fi
exec setpriv --reuid signet --regid signet --clear-groups /usr/bin/node /opt/signet/src/signet.js "$@"
