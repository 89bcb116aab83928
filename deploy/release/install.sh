#!/bin/sh
# Install Dragoman from this folder, without a network: ./install.sh DIRECTORY [PYTHON]
# The environment is made beside DIRECTORY and renamed at the end: a failure leaves nothing.
set -eu
versions="3.11 3.12 3.13"

fail() {
  echo "$1" >&2
  exit 1
}

fits() {
  "$1" -c 'import ensurepip, platform, sys, venv
version = "%d.%d" % sys.version_info[:2]
sys.exit(version not in sys.argv[1].split() or platform.machine() != "x86_64")' \
    "$versions" 2>/dev/null
}

abandon() {
  rm -rf "$new"
  fail "Nothing was installed. These on this machine can be named after the directory:$usable"
}

[ $# -gt 0 ] || fail "Name the directory to install into: $0 /opt/dragoman"
usable=
for version in 3 $versions; do
  if fits "python$version"; then usable="$usable python$version"; fi
done
python=${2:-}
for name in $usable; do python=${python:-$name}; done
if ! fits "$python"; then
  echo "Python with its module venv is needed, on x86_64, in one of the versions $versions." >&2
  [ -z "$usable" ] || fail "These on this machine can be named after the directory:$usable"
  fail "On Debian: apt-get install python3-venv"
fi

here=$(cd "$(dirname "$0")" && pwd)
target=$("$python" -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' "$1")
new=$target.new
[ ! -e "$target" ] || rmdir "$target" 2>/dev/null ||
  fail "$target exists. A release has a directory of its own: name another one."
[ ! -e "$new" ] || fail "$new is left over from an interrupted installation: delete it."
(cd "$here" && sha256sum --quiet --check SHA256SUMS) || fail "The bundle is damaged: unpack it again."

trap abandon EXIT
trap 'exit 1' HUP INT TERM
"$python" -m venv "$new"
"$new/bin/python" -m pip install --quiet --disable-pip-version-check --no-index \
  --find-links "$here/wheels" --require-hashes --requirement "$here/requirements.txt"
# Programs of an environment name its directory: write the one that it is going to have.
"$python" - "$new" "$target" <<'END'
import os, pathlib, sys
root = pathlib.Path(sys.argv[1])
new, target = map(os.fsencode, sys.argv[1:])
for path in [root / "pyvenv.cfg", *(root / "bin").iterdir()]:
    if not path.is_symlink() and path.is_file() and new in path.read_bytes():
        path.write_bytes(path.read_bytes().replace(new, target))
END
version=$("$new/bin/python" "$new/bin/dragoman" --version)
mv -T "$new" "$target"
trap - EXIT
echo "Installed: $version. Next: $target/bin/dragoman quickstart"
