# Runs its arguments as a child and kills it when standard input closes, so that
# no server outlives the tests that started it, however they end. Then its data,
# the folder $0, goes too. Where KEEP is set the data is wanted again: the server
# is asked to end, and the folder stays.
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
