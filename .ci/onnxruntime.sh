#!/bin/sh
# Puts ONNX Runtime's shared library into .setup/onnxruntime/, where oodflow looks for it.
#
# Usage: .ci/onnxruntime.sh [TARBALL]
#
# The library comes out of the npm package onnxruntime-node, fetched with the ordinary npm client; TARBALL is
# that package when it is at hand already. The package is checked against its published SHA-512 digest, only
# the library of this operating system and processor is taken out of it, and the library appears under its
# final name in one step. When it cannot be had, one line says so and the status is still 0: oodflow then
# runs classifiers with its pure Go engine.
set -eu

package=onnxruntime-node
version=1.30.0
# SHA-512 of the package, base64, as in the registry's "integrity" field.
integrity='twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw=='

root=$(cd "$(dirname "$0")/.." && pwd)
folder=$root/.setup/onnxruntime

# skip says in one line why there is no library, and ends without an error.
skip() {
	echo "onnxruntime: $1; oodflow will use its pure Go engine" >&2
	exit 0
}

case $(uname -s)/$(uname -m) in
Linux/x86_64 | Linux/amd64) member=linux/x64/libonnxruntime.so.1 name=libonnxruntime.so.1 ;;
Linux/aarch64 | Linux/arm64) member=linux/arm64/libonnxruntime.so.1 name=libonnxruntime.so.1 ;;
Darwin/arm64) member=darwin/arm64/libonnxruntime.1.dylib name=libonnxruntime.1.dylib ;;
*) skip "the package $package has no library for $(uname -s) on $(uname -m)" ;;
esac
member=package/bin/napi-v6/$member

# Already there, and of this version: nothing to do.
if [ -s "$folder/$name" ] && [ "$(cat "$folder/VERSION" 2>/dev/null)" = "$version" ]; then
	exit 0
fi

# digest prints the SHA-512 of a file in base64.
digest() {
	if command -v openssl >/dev/null 2>&1; then
		openssl dgst -sha512 -binary "$1" | openssl base64 -A
	elif command -v node >/dev/null 2>&1; then
		node -e 'const h = require("crypto").createHash("sha512");
			h.update(require("fs").readFileSync(process.argv[1])); process.stdout.write(h.digest("base64"))' "$1"
	else
		return 1
	fi
}

mkdir -p "$folder"
work=$(mktemp -d "$folder/.tmp.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

tarball=${1:-}
if [ -z "$tarball" ]; then
	command -v npm >/dev/null 2>&1 || skip "npm, which fetches the library, is not installed"
	echo "onnxruntime: fetching $package $version with npm (about 110 MB, once)" >&2
	(cd "$work" && npm pack --silent --ignore-scripts --fetch-retries=1 "$package@$version") >"$work/npm.log" 2>&1 ||
		skip "npm could not fetch $package@$version"
	tarball=$work/$package-$version.tgz
fi
[ -s "$tarball" ] || skip "there is no package at $tarball"

found=$(digest "$tarball") || skip "neither openssl nor node is here to check the package"
[ "$found" = "$integrity" ] || skip "the package $package@$version does not have its published SHA-512 digest"

tar -xzf "$tarball" -C "$work" "$member" || skip "the package $package@$version holds no $member"
chmod 755 "$work/$member"
touch "$work/$member"
mv -f "$work/$member" "$folder/$name"
echo "$version" >"$work/VERSION"
mv -f "$work/VERSION" "$folder/VERSION"
echo "onnxruntime: $folder/$name ($version)" >&2
