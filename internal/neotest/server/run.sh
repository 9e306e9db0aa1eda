# Runs its arguments as a child and kills it when standard input closes, so that
# no server outlives the tests that started it, however they end.
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
(cat <&3 >/dev/null; kill -9 $server) 2>/dev/null &
watch=$!
exec 3<&-
wait $server
code=$?
kill $watch 2>/dev/null
exit $code
