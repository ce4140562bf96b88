#!/usr/bin/env bash
# Makes the libraries of the console's pages anew, in api/pages/vendor: each one file that a browser loads as it is.
# Wanted only for another version of one of them; needs npm and the network. Versions are pinned here.
#
#   scripts/vendor.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly JSSIP=3.13.8 LIT=3.3.3 PARSER=4.1.3 AXE=4.14.1 ESBUILD=0.28.2
readonly VENDOR=$PWD/api/pages/vendor

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund \
    "jssip@$JSSIP" "lit-html@$LIT" "eventsource-parser@$PARSER" "axe-core@$AXE" "esbuild@$ESBUILD"

# A dialog that is taken up again after a reload wants classes that JsSIP does not name in its index.
cat >jssip.js <<'JS'
export { default as Parser } from "jssip/lib/Parser.js";
export { default as RTCSession } from "jssip/lib/RTCSession.js";
export { default as UA } from "jssip/lib/UA.js";
export { default as WebSocketInterface } from "jssip/lib/WebSocketInterface.js";
JS
echo 'export { html, nothing, render } from "lit-html"; export { live } from "lit-html/directives/live.js";' >lit-html.js
echo 'export { createParser } from "eventsource-parser";' >eventsource-parser.js
for name in jssip lit-html eventsource-parser; do
    npx esbuild "$name.js" --bundle --minify --format=esm --legal-comments=inline --log-level=warning \
        --define:process.env.NODE_ENV='"production"' --outfile="$VENDOR/$name.js"
done
cp node_modules/axe-core/axe.min.js "$VENDOR/../../../tests/support/axe.min.js"
