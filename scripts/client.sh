#!/usr/bin/env bash
# Makes clients/typescript/src/schema.d.ts anew from the API's own document, and checks that the client still fits it.
# Wanted after a change of the API; needs npm and the network. Versions are pinned here.
#
#   scripts/client.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly GENERATOR=7.13.0 TYPESCRIPT=5.9.3
readonly CLIENT=$PWD/clients/typescript

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
.venv/bin/python -c 'import sys, orjson; from api.app import routed; sys.stdout.buffer.write(orjson.dumps(routed().openapi()))' \
    >"$work/openapi.json"
cp -r "$CLIENT/package.json" "$CLIENT/src" "$work"
cd "$work"
npm install --silent --no-audit --no-fund
npm install --silent --no-audit --no-fund --no-save "openapi-typescript@$GENERATOR" "typescript@$TYPESCRIPT"
npx openapi-typescript openapi.json --output src/schema.d.ts
npx tsc --noEmit --strict --exactOptionalPropertyTypes --target es2022 --module nodenext --lib es2022,dom,dom.iterable src/index.ts
cp src/schema.d.ts "$CLIENT/src"
