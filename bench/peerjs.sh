#!/bin/sh
# The PeerJS server, for snug bench hub --peerjs:
#
#   bench/peerjs.sh install DIR            install it there, from npm
#   bench/peerjs.sh serve DIR [CERTS]      serve on a free port, which it prints, until standard input ends
set -eu
version=1.0.2
here=$(cd "$(dirname "$0")" && pwd)
case "${1:-}" in
install)
  mkdir -p "$2"
  cp "$here/peerjs.mjs" "$2/"
  npm install --prefix "$2" --ignore-scripts --no-audit --no-fund --no-save "peer@$version"
  ;;
serve)
  exec node --expose-gc "$2/peerjs.mjs" "${3:-}"
  ;;
*)
  sed -n 's/^# \{0,1\}//p' "$0" >&2
  exit 2
  ;;
esac
