#!/bin/sh
# Installs what the tests need, where it may; says what is missing and how to get it, where not.
set -eu

command -v go >/dev/null || { echo "Go is missing. Install 1.26 or newer from https://go.dev/dl." >&2; exit 1; }
"$(dirname "$0")/node.sh"

missing=
PATH=$PATH:/usr/sbin # where nginx and nft are, and users don't look
has() { command -v "$1" >/dev/null || { [ $# -gt 1 ] && command -v "$2" >/dev/null; }; }
has chromium google-chrome || missing="$missing chromium"
has firefox-esr firefox || missing="$missing firefox-esr"
has nginx || missing="$missing nginx-light"
has caddy || missing="$missing caddy"
has systemd-analyze || missing="$missing systemd"
has turnserver || missing="$missing coturn"
has nft || missing="$missing nftables"
has ip || missing="$missing iproute2"
has dnsmasq || missing="$missing dnsmasq-base"
has certutil || missing="$missing libnss3-tools"
has openssl || missing="$missing openssl"
fc-list 2>/dev/null | grep -qi cjk || missing="$missing fonts-noto-cjk"

[ -z "$missing" ] && exit 0
install="apt-get install -y$missing"
if ! command -v apt-get >/dev/null; then
	echo "The tests need:$missing. Install them with your package manager." >&2
	exit 1
fi
if [ "$(id -u)" = 0 ]; then
	sudo=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
	sudo="sudo -n"
else
	echo "The tests need:$missing. Run: sudo $install" >&2
	exit 1
fi
echo "Installing$missing"
$sudo apt-get update -q=2
DEBIAN_FRONTEND=noninteractive $sudo $install -q=2 >/dev/null

# The servers are for the tests alone: what their packages have started just now, is stopped.
if [ -d /run/systemd/system ]; then
	case $missing in *nginx*) $sudo systemctl disable -q --now nginx ;; esac
	case $missing in *caddy*) $sudo systemctl disable -q --now caddy ;; esac
	case $missing in *coturn*) $sudo systemctl disable -q --now coturn ;; esac
fi
