#!/bin/sh
# Says what is missing if there is no Node that the tests can run on.
major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
if [ -z "$major" ] || [ "$major" -lt 20 ]; then
	echo "The TypeScript tests need Node 20 or newer${major:+; here is $major}." >&2
	echo "Install it from https://nodejs.org/en/download, or with your package manager." >&2
	exit 1
fi
