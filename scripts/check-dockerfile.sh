#!/bin/bash
# Proves the Dockerfile without a Docker engine: carries its steps out in a clean Debian root (debootstrap, chroot)
# and compares what they build with the committed binaries. Needs root, debootstrap and Debian's packages.
#
#   sudo bash scripts/check-dockerfile.sh [FOLDER]     FOLDER: where the clean root goes and stays (else a temporary one)
set -euo pipefail

checkout=$(cd "$(dirname "$0")/.." && pwd)

fail() {
  echo "check-dockerfile: $*" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || fail "needs root (chroot)"
command -v debootstrap >/dev/null || fail "needs debootstrap (apt install debootstrap)"

if [ $# -gt 0 ]; then
  root=$1
  mkdir -p "$root"
else
  root=$(mktemp -d)
fi

leave() {
  umount "$root/proc" 2>/dev/null || true
  [ -n "${keep:-}" ] || rm -rf --one-file-system "$root"
}
keep=${1:-}
trap leave EXIT

# The release in `FROM debian:bookworm-20250520-slim AS toolchain`.
suite=$(sed -n 's/^FROM debian:\([a-z]*\)-[0-9]*-slim .*/\1/p' "$checkout/Dockerfile")
[ -n "$suite" ] || fail "the Dockerfile does not start from a dated Debian image"
# Where this machine's own apt gets that release from.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $suite" | head -n 1)
[ -n "$mirror" ] || fail "this machine's apt does not know Debian $suite"

if [ ! -x "$root/usr/bin/apt-get" ]; then
  echo "== a clean Debian $suite in $root"
  debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; fail "debootstrap failed"; }
  rm -f "$root.log"
fi
cp /etc/resolv.conf /etc/hosts "$root/etc/"
cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"

workdir=/
# inside COMMAND: as RUN does it, in the root and nothing of this machine's environment.
inside() {
  chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
    http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" /bin/sh -c "cd $workdir && $1" </dev/null
}

# Instructions with their continuation lines joined, comments left out; up to the last stage, which only hands files out.
while IFS= read -r line; do
  instruction=${line%% *}
  rest=${line#* }
  case $instruction in
    FROM) [ "$rest" != scratch ] || break ;;
    WORKDIR)
      workdir=$rest
      mkdir -p "$root$workdir"
      ;;
    COPY)
      read -r from to <<<"$rest"
      echo "== COPY $from $to"
      rm -rf "$root$workdir/${to:?}"
      cp -r "$checkout/$from" "$root$workdir/$to"
      ;;
    RUN)
      echo "== RUN $rest"
      inside "$rest"
      ;;
    ENTRYPOINT) ;;
    *) fail "the Dockerfile's $instruction is not known to this script" ;;
  esac
done < <(grep -v '^#' "$checkout/Dockerfile" | sed -e ':join' -e '/\\$/{N;s/\\\n */ /;b join}' | grep .)

echo "== what it built, against the committed binaries"
for folder in guest-kernel/prebuilt guest-user/prebuilt; do
  diff -rq "$checkout/$folder" "$root/out/$folder" || fail "$folder differs from what the Dockerfile builds"
done
echo "== the image's own command: build-guest --check"
inside "build-guest --check"
echo "check-dockerfile: the Dockerfile builds the committed binaries byte for byte"
