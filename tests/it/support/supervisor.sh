# Owns the directory of one test server, and the server. Obeys words on stdin. When the pipe
# closes, however the test process ended, the server is stopped and the directory removed.
directory=$1 postgres=$2 pid=
while read -r word; do
    case $word in
    start)
        "$postgres" -D "$directory/data" </dev/null >>"$directory/log" 2>&1 &
        pid=$!
        echo "$pid"
        ;;
    stop)
        kill -INT "$pid"
        wait "$pid"
        echo stopped
        ;;
    reap)
        wait "$pid"
        echo reaped
        ;;
    esac
done
if [ -n "$pid" ]; then
    # Backends have no time to finish: nobody is left to read their answers.
    kill -QUIT "$pid" 2>/dev/null
    wait "$pid"
fi
rm -rf "$directory"
