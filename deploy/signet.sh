#!/bin/sh
# The command line beside deploy/signet.service: the service's own user, files and variables. Root runs it, as
# /usr/local/sbin/signet; run as root itself, Signet would make files that the service cannot open.
set -eu
umask 077
cd /var/lib/signet
set -a
. /etc/signet/signet.env
set +a
export SIGNET_DATABASE_URL=file:/var/lib/signet/data/signet.db SIGNET_KEYS_DIR=/var/lib/signet/keys
# Handed over in memory: the file stays root's.
SIGNET_MASTER_KEY=$(cat /etc/signet/master.key)
export SIGNET_MASTER_KEY
exec setpriv --reuid signet --regid signet --clear-groups /usr/bin/node /opt/signet/src/signet.js "$@"
