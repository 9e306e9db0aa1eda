# Runs its arguments as a child and kills it when standard input closes, so that
# no server outlives the tests that started it, however they end. Then its data,
# the folder $0, goes too.
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
(cat <&3 >/dev/null; trap '' TERM; kill -9 $server; sleep 1; rm -rf "$0") 2>/dev/null &
watch=$!
exec 3<&-
wait $server
code=$?
kill $watch 2>/dev/null
exit $code
