#!/bin/sh
# sudo sh install.sh: the units, and each secret as a file that only root can read. What is there already is kept; the other
# secrets are asked for, and not shown.
set -eu
cd "$(dirname "$0")"
secrets=${DESTDIR:-}/etc/dlt-harvest
units=${DESTDIR:-}/etc/systemd/system
umask 077
mkdir -p "$secrets" "$units"
for name in @secret_words@; do
  [ ! -s "$secrets/$name" ] || continue
  printf '%s: ' "$name" >&2
  [ ! -t 0 ] || stty -echo
  IFS= read -r value
  [ ! -t 0 ] || { stty echo; echo >&2; }
  printf %s "$value" > "$secrets/$name"
done
install -m 644 dlt-harvest.service dlt-harvest.timer "$units"
[ -z "${DESTDIR:-}" ] || exit 0
systemctl daemon-reload
systemctl enable --now dlt-harvest.timer
