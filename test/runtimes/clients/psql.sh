#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A workload: psql. What it asks for stands in README.md; where, in libpq's environment variables. Values are put into the
# statements as literals.
#
#   psql.sh one|several
set -eu
with() { printf '%s' "$1" | sed "s/\\\$1/:'value'/"; }
if [ "$1" = one ]; then
	printf '%s;\n' "$(with "$RUNTIME_ONE")" | psql -X -q -v ON_ERROR_STOP=1 -v value=one >/dev/null
	exit
fi
{
	printf "\\set value \`cat %s\`\n%s;\n" "$RUNTIME_BODY" "$(with "$RUNTIME_UPLOAD")"
	printf '%s;\n%s;\n' "$RUNTIME_LARGE" "$RUNTIME_FAILS"
	printf '\\set value last\n%s;\n' "$(with "$RUNTIME_ONE")"
} | psql -X -q >/dev/null 2>&1
