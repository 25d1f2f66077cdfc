#!/bin/sh
# Fuzzes every target that there is, for a time each: scripts/fuzz.sh 5s
set -eu
for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "fuzz $package $target"
		out=$(go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" "$package" 2>&1) || { echo "$out"; exit 1; }
	done
done
