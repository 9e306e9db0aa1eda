# For the test scripts to source. Temporary files in memory spare the disk a sync for
# every write of a test.

# use_memory_tmpdir sets TMPDIR to a new folder in memory where 4 GiB are free.
use_memory_tmpdir() {
  if [ "$(df --output=avail -m /dev/shm 2>/dev/null | tail -1)" -gt 4096 ] 2>/dev/null; then
    TMPDIR=$(mktemp -d /dev/shm/pedigree-test-XXXXXX)
    export TMPDIR
  fi
}

# remove_memory_tmpdir removes that folder; call it at the end.
remove_memory_tmpdir() {
  case "${TMPDIR:-}" in /dev/shm/pedigree-test-*) rm -rf "$TMPDIR" ;; esac
}
