#!/bin/bash
# Makes the database on the first start, then becomes the server.
set -euo pipefail

# Only the server is special; anything else is just run.
case "${1:-}" in
  -*) set -- postgres "$@" ;;
esac
if [ "${1:-}" != postgres ]; then exec "$@"; fi

# Started by root: give the folders to the service's user and become it.
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$BASH_SOURCE" "$@"
fi

secret() { # the variable itself, or the file that <name>_FILE names
  local file="$1_FILE"
  if [ -n "${!file:-}" ]; then cat "${!file}"; else printf %s "${!1:-}"; fi
}
password=$(secret POSTGRES_PASSWORD)
user=$(secret POSTGRES_USER); user=${user:-postgres}
database=$(secret POSTGRES_DB); database=${database:-$user}

mkdir -p "$PGDATA"
chmod 700 "$PGDATA" 2>/dev/null || true

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
  if [ -z "$password" ] && [ "$method" != trust ]; then
    echo 'error: no superuser password: set POSTGRES_PASSWORD' >&2
    exit 1
  fi
  if ! getent passwd "$(id -u)" >/dev/null; then
    # initdb wants a name for the user id; an arbitrary one gets it here.
    NSS_WRAPPER_PASSWD=$(mktemp); NSS_WRAPPER_GROUP=$(mktemp)
    echo "postgres:x:$(id -u):$(id -g):PostgreSQL:$PGDATA:/bin/false" > "$NSS_WRAPPER_PASSWD"
    echo "postgres:x:$(id -g):" > "$NSS_WRAPPER_GROUP"
    export NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP LD_PRELOAD=libnss_wrapper.so
  fi
  initdb --username="$user" --pwfile=<(printf '%s\n' "$password") ${POSTGRES_INITDB_ARGS:-} -D "$PGDATA"
  unset LD_PRELOAD
  printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"

  # A server that only listens to this container, for the first statements.
  PGPASSWORD=$password pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p 5432" -w start
  sql() { PGPASSWORD=$password psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc -U "$user" "$@"; }
  if [ "$database" != postgres ]; then
    sql -d postgres -v name="$database" <<< 'CREATE DATABASE :"name";'
  fi
  for file in /docker-entrypoint-initdb.d/*; do
    case "$file" in
      *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) sql -d "$database" -f "$file" ;;
      *.sql.gz) gunzip -c "$file" | sql -d "$database" ;;
    esac
  done
  pg_ctl -D "$PGDATA" -m fast -w stop
  echo 'PostgreSQL init process complete; ready for start up.'
fi
exec "$@"
