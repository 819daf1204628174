#!/bin/sh
# Takes secrets from files, as Docker and Podman mount them: for NAME__FILE=/run/secrets/name, NAME has what is in the file.
set -eu
for name in $(env | sed -n 's/^\([A-Z][A-Z0-9_]*\)__FILE=.*/\1/p'); do
  eval "file=\${${name}__FILE}"
  value=$(cat "$file")
  export "$name=$value"
done
exec "$@"
