#!/bin/sh
# Makes the namespace, with histories kept for 30 days, and our search attributes; again is harmless.
set -eu
retry() {
  attempt=0
  until "$@"; do
    attempt=$((attempt + 1))
    if [ "$attempt" -ge 30 ]; then
      echo "gave up after $attempt attempts: $*" >&2
      exit 1
    fi
    sleep 2
  done
}
namespace() {
  temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 30d
}
# A new namespace is known to every part of the server only after a few seconds.
attributes() {
  temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
    --name PerennialModel --type Keyword --name PerennialDeployment --type Keyword \
    --name PerennialVersion --type Int --name PerennialStage --type Keyword \
    --name PerennialTier --type Keyword --name PerennialTrigger --type Keyword \
    --name PerennialOutcome --type Keyword
}
retry temporal operator cluster health
retry namespace
retry attributes
