# Stands for the web server: writes down who it is and what it got, as the kernel keeps it. Takes the
# directory to write into; further arguments are for the record only.
out=$1
cat "/proc/$$/environ" >"$out/environ"
cat "/proc/$$/cmdline" >"$out/cmdline"
ls -l "/proc/$$/fd" >"$out/fd"
# Built-in commands alone: no other process can be mistaken for this one.
while read -r line; do echo "$line"; done <"/proc/$$/status" >"$out/status"
