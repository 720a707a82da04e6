#!/bin/bash
# certs.sh DIR NODE [OPERATOR_CN]
# Makes a CA and mutual-TLS certificates (P-256, two days) for a trial of Tideline on one machine, in the new directory
# DIR: ca.crt; coordinator.{crt,key}; node.{crt,key} for the node called NODE; operator.{crt,key} for tidectl
# (OPERATOR_CN, default admin:demo). For trials: the CA's key is thrown away, nothing can be added later.
set -euo pipefail
if (($# < 2)); then
  sed -n '2,5s/^# //p' "$0" >&2
  exit 2
fi
dir=$1
node=$2
operator=${3:-admin:demo}
umask 077
mkdir "$dir"
cd "$dir"

quietly() { "$@" 2>openssl.log || { cat openssl.log >&2; return 1; }; }
new_key() { quietly openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
# certificate NAME SUBJECT EXTENSIONS
certificate() {
  new_key "$1.key"
  quietly openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
  printf '%s\n' "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" "$3" >"$1.ext"
  quietly openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -sha256 -extfile "$1.ext" \
    -out "$1.crt"
  rm "$1.csr" "$1.ext"
}

new_key ca.key
quietly openssl req -x509 -new -key ca.key -days 2 -sha256 -subj "/CN=tideline demo CA" \
  -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" -out ca.crt
certificate coordinator "/CN=coordinator.tideline" \
  $'extendedKeyUsage=serverAuth\nsubjectAltName=DNS:coordinator.tideline'
certificate node "/CN=$node" \
  $'extendedKeyUsage=clientAuth\nsubjectAltName=DNS:'"$node.node.tideline"
certificate operator "/CN=$operator" "extendedKeyUsage=clientAuth"
rm -f ca.key ca.srl openssl.log
