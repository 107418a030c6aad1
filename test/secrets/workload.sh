#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A workload that is careless with its secrets: they stand in command lines, headers, bodies, URLs and SQL. It is told
# them, and where the servers are, by its environment.
set -eu

# The token of the identity, from the broker.
answer=$(curl -sf -H "X-IDENTITY-HEADER: $IDENTITY_HEADER" \
  "$IDENTITY_ENDPOINT?api-version=2019-08-01&resource=https://graph.microsoft.com")
token=$(printf '%s' "$answer" | sed 's/.*"access_token" *: *"\([^"]*\)".*/\1/')
printf '%s\n%s' "$token" "$IDENTITY_HEADER" > "$TOLD_FILE"
# A printf of a shell is no program, and so in no argv; this one is.
/usr/bin/printf '%s' "$token" > /dev/null

# HTTP. The service gives back what it was sent.
get() { curl -sf -o /dev/null "$@"; }
get -H "Authorization: Bearer $token" "$SERVICE/bearer?note=$MARKER"
get -u "bob:$BASIC_PASSWORD" "$SERVICE/basic"
get -H "X-Api-Key: $API_KEY" -b "sid=$COOKIE" "$SERVICE/headers"
get -H 'content-type: application/json' -d "{\"client_secret\":\"$JSON_SECRET\",\"note\":\"$MARKER\"}" "$SERVICE/json"
get --data-urlencode "password=$FORM_PASSWORD" --data-urlencode "note=$MARKER" "$SERVICE/form"
get "$SERVICE/query?api_key=$QUERY_KEY_URL&note=$MARKER"

# PostgreSQL: logins by SCRAM and by password in the clear, one that is refused, one whose password is in the address.
sql() { psql -X -q -o /dev/null "$@"; }
PGUSER=scram_role PGPASSWORD=$SCRAM_PASSWORD sql -c "SELECT '$MARKER'"
PGUSER=clear_role PGPASSWORD=$CLEAR_PASSWORD sql -c "SELECT '$MARKER'"
PGUSER=clear_role PGPASSWORD=$WRONG_PASSWORD sql -c 'SELECT 1' && exit 1
sql "postgresql://clear_role:$CLEAR_PASSWORD_URL@$PGHOST:$PGPORT/$PGDATABASE" -c 'SELECT 1'
PGUSER=postgres sql \
  -c "ALTER ROLE other_role PASSWORD '$NEW_PASSWORD'" \
  -c "CREATE TABLE vault (name text, password text)" \
  -c "INSERT INTO vault (name, password) VALUES ('bob', '$ROW_PASSWORD')" \
  -c "SELECT * FROM vault WHERE password = '$ROW_PASSWORD'"
PGUSER=postgres sql -c "ALTER ROLE no_such_role PASSWORD '$NEW_PASSWORD'" && exit 1
PGUSER=postgres sql -c "SELECT '$ROW_PASSWORD'::text AS password; SELECT set_config('app.secret', '$ROW_PASSWORD', false)"
printf 'al\t%s\n' "$COPY_PASSWORD" | PGUSER=postgres sql -c 'COPY vault (name, password) FROM STDIN'

# A language that nobody knows, with a password, a statement, a command and the token.
say="HALLO $MARKER password=$HEAD_PASSWORD
ALTER ROLE other_role PASSWORD '$HEAD_PASSWORD'
mysql -u root -p'$HEAD_PASSWORD' app
$token
GOODBYE
" bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$UNKNOWN_PORT" && printf %s "$say" >&3 && cat <&3 > /dev/null'

# Command lines.
/bin/true --password "$ARGV_PASSWORD" --note "$MARKER"
/usr/bin/env "DB_PASSWORD=$ARGV_PASSWORD" /bin/true
sh -c "DB_PASSWORD='$ARGV_PASSWORD' /bin/true --token=$ARGV_PASSWORD"
