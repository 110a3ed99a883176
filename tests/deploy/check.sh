#!/usr/bin/env bash
# Tests scripts/install, scripts/uninstall, the systemd unit and the sample configuration.
# Works in temporary directories; needs no privileges (as root it also does a real installation
# inside a private mount namespace). Prints "N passed, N failed" and fails if any failed.
set -uo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
unset CDPATH LC_ALL LC_MESSAGES
export LANG=fr_FR.UTF-8

check() { # DESCRIPTION COMMAND...
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED: %s\n%s\n' "$what" "$output" | head -n 20
  fi
}

fails() { ! "$@"; }
says() { # TEXT COMMAND... : the command's output holds the text, whatever its status
  local text=$1
  shift
  # Captured first: under pipefail a failing command would decide instead of grep.
  local output
  output=$("$@" 2>&1)
  printf '%s\n' "$output"
  grep -qF -- "$text" <<<"$output"
}

fake_binary() { # VERSION PATH
  # shellcheck disable=SC2016 # the generated script expands it
  printf '#!/bin/sh\n[ "$1" = --version ] && echo "intramuros %s"\n' "$1" >"$2"
  chmod +x "$2"
}

# Everything about a tree that must not change: paths, modes and contents.
tree_state() {
  (cd "$1" && find . -printf '%p %m\n' | sort && find . -type f -print0 | sort -z | xargs -0r sha256sum)
}

unchanged() { # DIRECTORY COMMAND...
  local directory=$1 before after
  shift
  before=$(tree_state "$directory")
  "$@" || return 1
  after=$(tree_state "$directory")
  [ "$before" = "$after" ] || { diff <(echo "$before") <(echo "$after"); return 1; }
}

# shellcheck disable=SC2120 # check passes it arguments
install_() { "$repository/scripts/install" --root "$stage" --binary "$work/v1" --min-free-mib 1 "$@"; }
uninstall_() { "$repository/scripts/uninstall" --root "$stage" "$@"; }

test_first_installation() {
  check "dry run of a first installation succeeds" install_ --dry-run
  check "dry run creates nothing" test -z "$(ls -A "$stage")"
  check "dry run shows the binary's destination" says "$stage/usr/local/bin/intramuros" install_ --dry-run
  check "first installation succeeds" install_
  check "binary is executable" test -x "$stage/usr/local/bin/intramuros"
  check "data directory is 0750" test "$(stat -c %a "$stage/var/lib/intramuros")" = 750
  check "configuration directory is 0750" test "$(stat -c %a "$stage/etc/intramuros")" = 750
  check "configuration is 0640" test "$(stat -c %a "$stage/etc/intramuros/intramuros.toml")" = 640
  check "unit is in place" test -f "$stage/etc/systemd/system/intramuros.service"
  check "the backup's units are in place" test -f "$stage/etc/systemd/system/intramuros-backup.service" \
    -a -f "$stage/etc/systemd/system/intramuros-backup.timer"
  check "no temporary file is left" test -z "$(find "$stage" -name '*.new-*')"
}

test_second_installation() {
  check "second installation changes nothing" unchanged "$stage" install_
  check "second installation says so" says "déjà à jour : 1.2.3" install_
  check "English is chosen by --lang" says "already up to date: 1.2.3" install_ --lang en
  check "English is chosen by LANG" says "already up to date: 1.2.3" env LANG=en_GB.UTF-8 \
    "$repository/scripts/install" --root "$stage" --binary "$work/v1" --min-free-mib 1
}

test_upgrade() {
  echo data >"$stage/var/lib/intramuros/ledger.sqlite"
  echo '# mine' >>"$stage/etc/intramuros/intramuros.toml"
  check "dry run of an upgrade changes nothing" unchanged "$stage" install_ --binary "$work/v2" --dry-run
  check "upgrade succeeds" install_ --binary "$work/v2"
  check "new binary is installed" cmp "$work/v2" "$stage/usr/local/bin/intramuros"
  check "previous binary is kept" cmp "$work/v1" "$stage/usr/local/lib/intramuros/intramuros.previous"
  check "data are kept" grep -q data "$stage/var/lib/intramuros/ledger.sqlite"
  check "edited configuration is kept" grep -q '# mine' "$stage/etc/intramuros/intramuros.toml"
  check "new sample is put beside" cmp "$repository/deploy/intramuros.toml" "$stage/etc/intramuros/intramuros.toml.new"
  check "same version again keeps the previous one" install_ --binary "$work/v2"
  check "previous binary is still the old one" cmp "$work/v1" "$stage/usr/local/lib/intramuros/intramuros.previous"
  check "roll back succeeds" install_ --rollback
  check "roll back restores the old binary" cmp "$work/v1" "$stage/usr/local/bin/intramuros"
  check "second roll back undoes it" install_ --rollback
  check "newer binary is back" cmp "$work/v2" "$stage/usr/local/bin/intramuros"
  check "downgrade is refused" fails install_
  check "downgrade names both versions" says "la version installée (1.10.0) est plus récente que 1.2.3" install_
  check "downgrade is possible when asked" install_ --allow-downgrade
}

test_refusals() {
  check "missing binary is refused" says "binaire introuvable : /nonexistent" install_ --binary /nonexistent
  printf '#!/bin/sh\necho other 1.0.0\n' >"$work/other"
  chmod +x "$work/other"
  check "foreign binary is refused" fails install_ --binary "$work/other"
  rm -rf "$stage/var/lib/intramuros/models"
  check "a full disk is refused" fails install_ --min-free-mib 999999999
  check "a full disk is refused with the figures" says "999999999 Mio exigés" install_ --min-free-mib 999999999
  check "the default binary is the one that cargo built" says "/nowhere/release/intramuros" \
    env CARGO_TARGET_DIR=/nowhere "$repository/scripts/install" --root "$stage"
  check "unknown option is refused" fails install_ --frobnicate
  check "option without value is refused" fails install_ --prefix
  check "relative root is refused" fails "$repository/scripts/install" --root relative --binary "$work/v1"
  check "path with spaces is refused" fails install_ --prefix "/opt/my tools"
  check "path that climbs is refused" fails "$repository/scripts/uninstall" --root /tmp/../etc --purge --yes
  check "root directory is refused" fails "$repository/scripts/uninstall" --root / --purge --yes
  check "unknown language is refused" fails install_ --lang de
  check "bad number is refused" fails install_ --min-free-mib lots
}

test_other_prefix() {
  stage=$work/prefix
  mkdir "$stage"
  check "installation under another prefix" install_ --prefix /opt/intramuros
  check "the unit starts that binary" grep -q '^ExecStart=/opt/intramuros/bin/intramuros ' \
    "$stage/etc/systemd/system/intramuros.service"
  check "so does the backup" grep -q '^ExecStart=/opt/intramuros/bin/intramuros backup ' \
    "$stage/etc/systemd/system/intramuros-backup.service"
  check "uninstallation under another prefix" uninstall_ --prefix /opt/intramuros
  check "nothing is left under the prefix" test ! -e "$stage/opt/intramuros/bin/intramuros"
  stage=$work/stage
}

test_removal() {
  # shellcheck disable=SC2119 # no argument is meant
  install_ >/dev/null
  echo data >"$stage/var/lib/intramuros/ledger.sqlite"
  check "dry run of a purge changes nothing" unchanged "$stage" uninstall_ --purge --dry-run
  check "uninstallation succeeds" uninstall_
  check "binary is gone" test ! -e "$stage/usr/local/bin/intramuros"
  check "unit is gone" test ! -e "$stage/etc/systemd/system/intramuros.service"
  check "no unit of ours is left" test -z "$(find "$stage/etc/systemd" -name 'intramuros*')"
  check "data stay" test -f "$stage/var/lib/intramuros/ledger.sqlite"
  check "configuration stays" test -f "$stage/etc/intramuros/intramuros.toml"
  check "uninstalling twice succeeds" uninstall_
  check "purge without an answer is refused" fails uninstall_ --purge </dev/null
  check "data survive a refused purge" test -f "$stage/var/lib/intramuros/ledger.sqlite"
  check "purge with a wrong answer is refused" fails uninstall_ --purge <<<"oui"
  check "purge with the word succeeds" uninstall_ --purge <<<"supprimer"
  check "no file is left after a purge" test -z "$(find "$stage" ! -type d)"
  check "reinstallation after a purge succeeds" install_
  check "purge with --yes succeeds" uninstall_ --purge --yes
  check "data are gone" test ! -e "$stage/var/lib/intramuros"
}

# A real installation, users included, on copies of the directories that it writes to.
real_installation() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --mount --propagation private bash -euc '
    for directory in etc usr/local var/lib; do
      mkdir -p "$1/over/$directory/up" "$1/over/$directory/work"
    done
    mount -t tmpfs tmpfs "$1/over"
    for directory in etc usr/local var/lib; do
      mkdir -p "$1/over/$directory/up" "$1/over/$directory/work"
      mount -t overlay overlay -o "lowerdir=/$directory,upperdir=$1/over/$directory/up,workdir=$1/over/$directory/work" "/$directory"
    done
    "$2/scripts/install" --binary "$1/v1" --min-free-mib 1 --no-start
    [ "$(stat -c "%U:%G %a" /var/lib/intramuros)" = "intramuros:intramuros 750" ]
    [ "$(stat -c "%U:%G %a" /etc/intramuros)" = "root:intramuros 750" ]
    [ "$(stat -c "%U:%G %a" /etc/intramuros/intramuros.toml)" = "root:intramuros 640" ]
    setpriv --reuid intramuros --regid intramuros --clear-groups test -r /etc/intramuros/intramuros.toml
    setpriv --reuid intramuros --regid intramuros --clear-groups test -w /var/lib/intramuros
    "$2/scripts/install" --binary "$1/v1" --min-free-mib 1 --no-start | grep -q "déjà à jour"
    systemd-analyze verify /etc/systemd/system/intramuros.service
    "$2/scripts/uninstall" --purge --yes
    ! id intramuros
    [ ! -e /var/lib/intramuros ]
  ' _ "$work" "$repository"
}

test_real_installation() {
  if [ "$(id -u)" -ne 0 ] || id intramuros >/dev/null 2>&1 || ! unshare --mount true 2>/dev/null; then
    echo "skipped: a real installation needs root, private mounts and a host without Intramuros"
    return
  fi
  check "real installation and purge in a private mount namespace" real_installation
}

test_unit() {
  if ! command -v systemd-analyze >/dev/null 2>&1; then
    echo "skipped: systemd-analyze is not installed"
    return
  fi
  # The paths of the unit must exist for verify: point it to a program that does.
  local unit=$work/unit/intramuros.service
  mkdir -p "$work/unit"
  sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|; /^Documentation=/d' "$repository/deploy/systemd/intramuros.service" >"$unit"
  check "unit passes systemd-analyze verify without a word" test -z "$(systemd-analyze verify "$unit" 2>&1)"
  check "exposure is at most 1.5 of 10" systemd-analyze security --offline=true --threshold=15 --no-pager "$unit"
  local backup=$work/unit/intramuros-backup.service timer=$work/unit/intramuros-backup.timer
  sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|; /^Documentation=/d' \
    "$repository/deploy/systemd/intramuros-backup.service" >"$backup"
  sed '/^Documentation=/d' "$repository/deploy/systemd/intramuros-backup.timer" >"$timer"
  check "the backup's units pass systemd-analyze verify" test -z "$(systemd-analyze verify "$backup" "$timer" 2>&1)"
  check "the backup's exposure is at most 1.5 of 10" systemd-analyze security --offline=true --threshold=15 --no-pager "$backup"
}

test_configuration() {
  if ! python3 -c 'import tomllib' 2>/dev/null; then
    echo "skipped: the sample configuration needs Python 3.11 to be checked"
    return
  fi
  check "sample configuration parses" python3 -c \
    'import sys, tomllib; tomllib.load(open(sys.argv[1], "rb"))' "$repository/deploy/intramuros.toml"
  # Uncommented, every default must parse too (the unit tests of the binary compare them with its own).
  sed 's/^#\([a-z_]* = \)/\1/' "$repository/deploy/intramuros.toml" >"$work/full.toml"
  check "its commented settings parse" python3 -c '
import sys, tomllib
settings = tomllib.load(open(sys.argv[1], "rb"))
assert settings["server"]["listen"] == "127.0.0.1:8484", settings
' "$work/full.toml"
}

fake_binary 1.2.3 "$work/v1"
# Ten is more than two: versions are not compared as text.
fake_binary 1.10.0 "$work/v2"
stage=$work/stage
mkdir "$stage"
test_first_installation
test_second_installation
test_upgrade
test_refusals
test_other_prefix
test_removal
test_real_installation
test_unit
test_configuration
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
