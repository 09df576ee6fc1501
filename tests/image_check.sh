#!/bin/sh
# Proves the Dockerfile without a registry of images: builds it with buildah (chroot isolation) on a base made by debootstrap, starts the service
# from the image's file system under the image's own user, and tags an example through it. Needs root on Debian or Ubuntu, and the packages
# buildah and debootstrap.
set -eu
cd "$(dirname "$0")/.."
work=$PWD/.image
port=${PORT:-8765}
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE)' | awk -v suite="$suite" '$2 == suite { print $1; exit }')

for tool in buildah debootstrap curl; do
    command -v $tool >/dev/null || { echo "image-check: $tool is missing; apt-get install buildah debootstrap curl" >&2; exit 2; }
done
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
mkdir -p "$work"

if [ ! -e "$work/base/.done" ]; then
    echo "making a base system ($suite)"
    rm -rf "$work/base"
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates "$suite" "$work/base" "$mirror" >"$work/debootstrap.log"
    touch "$work/base/.done"
fi
base=$(buildah from scratch)
buildah add --quiet "$base" "$work/base" / >/dev/null
buildah commit --quiet --rm "$base" helmkeel-base >/dev/null

echo "building the image (trains the model)"
# The certificates and pip settings of this machine, so that the build reaches packages the way this machine does; but for constraints, a file
# that the image does not have, where every version is pinned anyway.
pip config list | sed -n "s/^global\.\([^=]*\)='\(.*\)'$/\1 = \2/p" | grep -v "^constraint" | sed '1i [global]' >"$work/pip.conf"
buildah build --quiet --format docker --network host --volume /etc/ssl/certs:/etc/ssl/certs:ro --volume "$work/pip.conf:/etc/pip.conf:ro" \
    --build-arg BASE=localhost/helmkeel-base --tag helmkeel . >/dev/null
container=$(buildah from helmkeel)
root=$(buildah mount "$container")
trap 'kill "${server:-}" 2>/dev/null && wait "$server" || true; buildah rm "$container" >/dev/null' EXIT

user=$(buildah inspect --type image --format '{{.OCIv1.Config.User}}' helmkeel)
if chroot --userspec="$user:$user" "$root" /opt/helmkeel/.venv/bin/helmkeel serve --host 0.0.0.0 --port "$port" 2>/dev/null; then
    echo "image-check: it listens to all without keys" >&2
    exit 1
fi
echo "starting it as uid $user"
chroot --userspec="$user:$user" "$root" /opt/helmkeel/.venv/bin/helmkeel serve --port "$port" &
server=$!
for _ in $(seq 60); do
    curl --silent --fail "http://127.0.0.1:$port/readyz" >/dev/null && break
    sleep 1
done
answer=$(python3 -c 'import json, sys; print(json.dumps({"id": "check", "text": open(sys.argv[1]).read()}))' examples/job-description.txt |
    curl --silent --fail --json @- "http://127.0.0.1:$port/v1/tag")
printf '%s' "$answer" | python3 -c '
import json, sys
answer = json.load(sys.stdin)
text = open("examples/job-description.txt").read()
assert answer["label"] == "management", answer["label"]
assert all(text[s["start"]:s["end"]] == s["text"] for s in answer["sentences"])
print("image-check: passed,", answer["counts"])'
