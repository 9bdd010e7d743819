# Stands for the web server: writes down how it was started, then does as it is told.
report=$1 then=$2
# A simple command: its redirection happens in the child, so that the descriptors listed are the
# ones this shell was started with.
ls "/proc/$$/fd" >"$report.fd"
cat "/proc/$$/cmdline" >"$report.cmdline"
cat "/proc/$$/environ" >"$report.environ"
# Built-in commands alone: while a shell starts another process, it may block all signals.
while read -r line; do
    case $line in
    Pid:* | SigIgn:*) echo "$line" ;;
    esac
done <"/proc/$$/status" >"$report.status"
# Renamed last: whoever waits for the report finds all of it.
mv "$report.status" "$report"
case $then in
stay) exec sleep 1000 ;;
*) exit "$then" ;;
esac
