# shellcheck shell=bash
# Sourced by scripts/install and scripts/uninstall: language, messages and actions on the host.
# Settings it reads: root (staging directory or empty), dry_run (0 or 1), lang (fr or en).

: "${root:=}" "${dry_run:=0}"

# French unless the session asks for English: the first users are French.
case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in
  en | en_*) lang=en ;;
  *) lang=fr ;;
esac

# say FRENCH ENGLISH
say() { if [ "$lang" = en ]; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi; }

warn() { say "attention : $1" "warning: $2" >&2; }

die() { say "erreur : $1" "error: $2" >&2; exit 1; }

# Carries out a command, or prints it when this is a rehearsal.
run() {
  if [ "$dry_run" -eq 1 ]; then
    printf '  +'
    printf ' %q' "$@"
    printf '\n'
  else
    "$@"
  fi
}

# True when a live systemd manages this very host: not in a container without it, nor when staging.
systemd_runs() { [ -z "$root" ] && [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; }

# True when files may be given to other users: staging is done by anybody.
owns_host() { [ -z "$root" ]; }

check_language() {
  case "$1" in
    fr | en) lang=$1 ;;
    *) die "--lang accepte fr ou en, pas « $1 »" "--lang takes fr or en, not '$1'" ;;
  esac
}

# A path goes into a unit file and into rm: absolute, and made of plain characters only.
check_path() { # OPTION VALUE
  case "$2" in
    *[!A-Za-z0-9/._+-]* | */../* | */.. | *//*)
      die "$1 : chemin refusé « $2 » (lettres, chiffres et / . _ + - seulement, ni .. ni //)" \
        "$1: path '$2' refused (letters, digits and / . _ + - only, neither .. nor //)" ;;
    /?*) ;;
    *) die "$1 : « $2 » doit être un chemin absolu" "$1: '$2' must be an absolute path" ;;
  esac
}

require_root() {
  if owns_host && [ "$dry_run" -eq 0 ] && [ "$(id -u)" -ne 0 ]; then
    die "à lancer en root (sudo), ou avec --dry-run pour voir ce qui serait fait" \
      "run this as root (sudo), or with --dry-run to see what would be done"
  fi
}
