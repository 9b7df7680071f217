#!/usr/bin/env bash
# Builds the image of the checked-out commit for all platforms, pushes it without a tag, and prints
# NAME@DIGEST; the digest is that of the index of all platforms. The same commit and base always give
# the same digest, on any machine.
#
# Usage: build_image.sh NAME [BASE@DIGEST]   Without a base: the current image of the Dockerfile's tag.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
name=${1:?usage: build_image.sh NAME [BASE@DIGEST]}

# Pinned by digest, because the builder determines how layers are compressed.
buildkit=moby/buildkit:v0.32.2@sha256:28a898719c18a33f4e8000685287fa36fd0dd9560c6440227d3a732d79bb41d8
binfmt=tonistiigi/binfmt:qemu-v10.2.3@sha256:400a4873b838d1b89194d982c45e5fb3cda4593fbfd7e08a02e76b03b21166f0
builder=dataform-action-release
platforms=(linux/amd64 linux/arm64)

from=$(sed -n 's/^FROM //p' Dockerfile)
base=${2:-$from@$(docker buildx imagetools inspect "$from" --format '{{.Manifest.Digest}}')}
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

folder=$(mktemp -d)
trap 'rm -rf "$folder"; docker buildx rm --force "$builder" >/dev/null 2>&1 || true' EXIT
# Only the commit, with file modes that do not depend on the umask.
umask 022
mkdir "$folder/context"
git -c tar.umask=0022 archive HEAD | tar -x -C "$folder/context"
sed -i "s|^FROM .*|FROM $base|" "$folder/context/Dockerfile"

docker buildx create --name "$builder" --driver docker-container --bootstrap \
  --driver-opt "image=$buildkit" --driver-opt network=host >&2
for platform in "${platforms[@]}"; do
  docker buildx inspect "$builder" | grep --quiet "$platform" ||
    docker run --privileged --rm "$binfmt" --install "${platform#linux/}" >&2
done

# Without attestations, which contain times; the release workflow signs its own.
docker buildx build --builder "$builder" --no-cache --provenance=false --sbom=false \
  --platform "$(IFS=,; echo "${platforms[*]}")" \
  --label "org.opencontainers.image.source=${GITHUB_SERVER_URL:-https://github.com}/${GITHUB_REPOSITORY:-}" \
  --label "org.opencontainers.image.revision=$(git rev-parse HEAD)" \
  --label "org.opencontainers.image.version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' dataform_action/version.py)" \
  --label "org.opencontainers.image.base.name=${base%@*}" \
  --label "org.opencontainers.image.base.digest=${base#*@}" \
  --output "type=image,name=$name,push=true,push-by-digest=true,name-canonical=true,oci-mediatypes=true,rewrite-timestamp=true" \
  --metadata-file "$folder/metadata.json" "$folder/context" >&2

digest=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["containerimage.digest"])' \
  <"$folder/metadata.json")
echo "$name@$digest"
