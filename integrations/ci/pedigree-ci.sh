#!/bin/sh
# Registers a version, checks what stands in the way of its promotion, and comments what changed on the
# pull request. It needs pedigree, curl and jq. All it is told is in variables:
#
#   PEDIGREE_SERVER, PEDIGREE_TOKEN   the registry, and the token to speak to it
#   PEDIGREE_MODEL                    the model
#   PEDIGREE_VERSION                  the version; without it the next by PEDIGREE_BUMP (minor)
#   PEDIGREE_IMPORT                   git or dvc: import the repository at PEDIGREE_PATH (.) first
#   PEDIGREE_FACTS                    a file with facts, JSON Lines, to load first
#   PEDIGREE_REGISTER                 no: the version is there already, as an import leaves it
#   PEDIGREE_CARD, PEDIGREE_RUN       the file of its card, and the id of the run that made it
#   PEDIGREE_TO                       the stage to check (production)
#   PEDIGREE_WAIT                     yes: a version that only waits for approvals passes (yes)
#   PEDIGREE_OUT                      the folder for comment.md, check.xml and version.txt (pedigree-out)
#   PEDIGREE_COMMENT                  github, gitlab or none
#
# Where the comment goes is taken from the variables of the CI: GITHUB_API_URL, GITHUB_REPOSITORY,
# PEDIGREE_PULL_REQUEST and GITHUB_TOKEN, or CI_API_V4_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID and
# GITLAB_TOKEN. The exit code is that of pedigree check, or 1 when something else fails.
set -eu

: "${PEDIGREE_SERVER:?say where the registry is}" "${PEDIGREE_TOKEN:?give a token}" "${PEDIGREE_MODEL:?name the model}"
export PEDIGREE_TOKEN
pedigree="${PEDIGREE_BINARY:-pedigree}"
out="${PEDIGREE_OUT:-pedigree-out}"
path="${PEDIGREE_PATH:-.}"
marker='<!-- pedigree: what changed -->'
mkdir -p "$out"

say() { printf 'pedigree-ci: %s\n' "$1" >&2; }
ask() { "$pedigree" "$@" --server "$PEDIGREE_SERVER"; }

case "${PEDIGREE_IMPORT:-none}" in
  none) ;;
  git | dvc) ask import "$PEDIGREE_IMPORT" "$path" >&2 ;;
  *) say "PEDIGREE_IMPORT is none of git, dvc and none"; exit 1 ;;
esac
if [ -n "${PEDIGREE_FACTS:-}" ]; then
  ask load "$PEDIGREE_FACTS" >&2
fi

# The version: registered here, or by an import before.
if [ "${PEDIGREE_REGISTER:-yes}" = no ]; then
  : "${PEDIGREE_VERSION:?name the version that is there already}"
  version="$PEDIGREE_VERSION"
else
  set -- version register "$PEDIGREE_MODEL"
  if [ -n "${PEDIGREE_VERSION:-}" ]; then set -- "$@" "$PEDIGREE_VERSION"; else set -- "$@" --bump "${PEDIGREE_BUMP:-minor}"; fi
  if [ -n "${PEDIGREE_CARD:-}" ]; then set -- "$@" --card "$PEDIGREE_CARD"; fi
  if [ -n "${PEDIGREE_RUN:-}" ]; then set -- "$@" --run "$PEDIGREE_RUN"; fi
  version="$(ask "$@" --create-model -o json | jq -r '.[0].version')"
fi
printf '%s\n' "$version" >"$out/version.txt"
say "$PEDIGREE_MODEL@$version"

# What stands in the way. The exit code 4 means that only approvals are missing.
code=0
ask check "$PEDIGREE_MODEL@$version" --to "${PEDIGREE_TO:-production}" -o junit >"$out/check.xml" || code=$?
if [ ! -s "$out/check.xml" ]; then
  say "the check failed"
  exit 1
fi
verdict='Nothing stands in the way of its promotion.'
case $code in
  0) ;;
  4)
    verdict='It waits for approvals.'
    if [ "${PEDIGREE_WAIT:-yes}" = yes ]; then code=0; fi
    ;;
  *) verdict='Something stands in the way of its promotion; the report of the check says what.' ;;
esac

# What changed against the version in PRODUCTION.
{
  printf '%s\n' "$marker"
  ask diff "$PEDIGREE_MODEL@$version" -o markdown
  printf '\n%s\n' "$verdict"
} >"$out/comment.md"

# send METHOD URL: sends the comment as JSON. The token stands in a file that only this user reads, not
# among the arguments, which all users of a machine can see.
send() {
  jq -Rs '{body: .}' <"$out/comment.md" |
    curl --fail --silent --show-error --max-time 60 --request "$1" --config "$header" --header 'Content-Type: application/json' --data-binary @- "$2" >/dev/null
}

# comment TOKEN-HEADER LIST ONE: replaces the comment that an earlier run left, or adds one.
comment() {
  header="$(mktemp)"
  trap 'rm -f "$header"' EXIT
  printf 'header = "%s"\n' "$1" >"$header"
  old="$(curl --fail --silent --show-error --max-time 60 --config "$header" "$2?per_page=100" |
    jq -r --arg marker "$marker" '[.[] | select(.body | startswith($marker)) | .id] | last // empty')"
  if [ -n "$old" ]; then send "$4" "$3/$old"; else send POST "$2"; fi
}

case "${PEDIGREE_COMMENT:-none}" in
  none) ;;
  github)
    : "${GITHUB_TOKEN:?}" "${GITHUB_REPOSITORY:?}" "${PEDIGREE_PULL_REQUEST:?}"
    api="${GITHUB_API_URL:-https://api.github.com}/repos/$GITHUB_REPOSITORY/issues"
    comment "Authorization: Bearer $GITHUB_TOKEN" "$api/$PEDIGREE_PULL_REQUEST/comments" "$api/comments" PATCH
    ;;
  gitlab)
    : "${GITLAB_TOKEN:?}" "${CI_API_V4_URL:?}" "${CI_PROJECT_ID:?}" "${CI_MERGE_REQUEST_IID:?}"
    api="$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes"
    comment "PRIVATE-TOKEN: $GITLAB_TOKEN" "$api" "$api" PUT
    ;;
  *) say "PEDIGREE_COMMENT is none of github, gitlab and none"; exit 1 ;;
esac
say "$verdict"
exit "$code"
