#!/usr/bin/env bash
# Runs all tests, with a real Neo4j for all packages and a real Chromium for the pages.
# PEDIGREE_ROUNDS is the number of repetitions of repeated tests (default 3; make
# proof: 50).
set -euo pipefail
cd "$(dirname "$0")/.."
start=$SECONDS
./scripts/require-commands.sh git=git java=openjdk-17-jre-headless mvn=maven npm=npm chromium=chromium python3=python3 ensurepip.py=python3-venv
make --no-print-directory web
mkdir -p build
source scripts/memory-tmpdir.sh
use_memory_tmpdir
trap remove_memory_tmpdir EXIT

# One Neo4j for all packages. It stops when its input closes.
if [ -z "${PEDIGREE_TEST_NEO4J:-}" ]; then
  go build -o build/neo4jtest ./internal/neo4jtest/cmd
  coproc NEO { exec ./build/neo4jtest 2>build/neo4jtest.log; }
  neo_pid=$NEO_PID
  trap 'kill $neo_pid 2>/dev/null || true; wait $neo_pid 2>/dev/null || true; remove_memory_tmpdir' EXIT
  echo "starting Neo4j"
  if ! IFS= read -r line <&"${NEO[0]}"; then cat build/neo4jtest.log >&2; exit 1; fi
  eval "$line"
fi

status=0
go build -o build/testsum ./internal/testsum
# The packages that take longest begin first, so that the others run beside them and not after them. Two at a
# time, because internal/e2e runs two of its tests at a time: more of them, and Neo4j answers too late.
go test -json -p 2 -timeout 40m "$@" ./internal/e2e ./graph/neo4j ./internal/access ./... 2>build/test.err | ./build/testsum || status=1
cat build/test.err >&2
# The pages wait for Chromium more than they work, so the race detector runs beside them.
echo "the pages, in Chromium, and concurrency tests with the race detector:"
{
  go test -race -timeout 40m -run 'Race|Concurrent|Together|Queued|TwoStores|GoBack' ./graph/sqlite ./graph/cache
  # A request resolves its fields concurrently in one scope. TestMatrix does so for every field and role.
  go test -race -timeout 40m -run '^TestMatrix$' ./internal/access
} >build/race.log 2>&1 &
race=$!
(cd web && PEDIGREE_CHROMIUM="$(command -v chromium)" npm test --silent) >build/web.log 2>&1 || { status=1; cat build/web.log; }
wait $race || status=1
cat build/race.log
grep -E '^# (tests|pass|fail|skipped)' build/web.log || true
echo "took $(( (SECONDS - start + 59) / 60 )) minutes"
exit $status
