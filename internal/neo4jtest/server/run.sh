# Runs its arguments as a child process and kills it when standard input closes, so
# that no server outlives the tests that started it, even when they crash. Then it
# deletes the data in the folder $0. With KEEP set, it stops the server with SIGTERM
# (SIGKILL after 60 seconds) and keeps the folder.
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
if [ -n "$KEEP" ]; then
  (cat <&3 >/dev/null; kill $server; sleep 60; kill -9 $server) 2>/dev/null &
else
  (cat <&3 >/dev/null; trap '' TERM; kill -9 $server; sleep 1; rm -rf "$0") 2>/dev/null &
fi
watch=$!
exec 3<&-
wait $server
code=$?
kill $watch 2>/dev/null
exit $code
