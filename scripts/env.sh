# Sourced by the other scripts: one place for where builds and models live.
#
# One target directory and one models directory serve every clone of the repository on a machine
# (working copy, continuous integration), because a first build takes tens of minutes and the models
# weigh over a gigabyte. Set CARGO_TARGET_DIR or INTRAMUROS_MODELS_DIR to have them elsewhere.
cache="${XDG_CACHE_HOME:-$HOME/.cache}/intramuros"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$cache/target}"
export INTRAMUROS_MODELS_DIR="${INTRAMUROS_MODELS_DIR:-$cache/models}"
# Two rustc at most: lancedb's largest crate takes 4 GB while it compiles.
if [ -z "${CARGO_BUILD_JOBS:-}" ]; then
  gib=$(awk '/MemTotal/ { print int($2 / 1048576) }' /proc/meminfo 2>/dev/null || echo 8)
  jobs=$((gib / 3)); cores=$(nproc 2>/dev/null || echo 2)
  [ "$jobs" -gt "$cores" ] && jobs=$cores
  [ "$jobs" -lt 1 ] && jobs=1
  export CARGO_BUILD_JOBS=$jobs
fi
mkdir -p "$CARGO_TARGET_DIR" "$INTRAMUROS_MODELS_DIR"
# cargo knows a clone's files by their path within it and their time only. What another clone built
# after this one was edited would pass for ours: where clones take turns, ours count as new.
clone=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# A copy of this file somewhere else would count everything that is there as new.
[ -f "$clone/scripts/env.sh" ] || { echo "env.sh must be read where it is, in scripts/" >&2; return 1; }
if [ "$(cat "$CARGO_TARGET_DIR/last-clone" 2>/dev/null)" != "$clone" ]; then
  find "$clone" \( -path "$clone/.git" -o -path "$clone/target" \) -prune -o -type f -exec touch {} +
  printf '%s' "$clone" > "$CARGO_TARGET_DIR/last-clone"
fi
