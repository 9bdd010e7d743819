"""The bare simple-query protocol: a whole file sent as one message. Usage: SOCKET USER DB FILE."""

import socket
import struct
import sys


def main(path, user, database, file):
    with open(file, "rb") as text:
        script = text.read()
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    words = b"".join(word.encode() + b"\0" for word in ("user", user, "database", database))
    connection.sendall(struct.pack("!II", len(words) + 9, 196608) + words + b"\0")
    read_until_ready(connection)
    connection.sendall(b"Q" + struct.pack("!I", len(script) + 5) + script + b"\0")
    read_until_ready(connection)


def read_until_ready(connection):
    """Reads answers up to `ReadyForQuery`. The server trusts its socket: no question comes."""
    pending = b""
    while True:
        pending += connection.recv(1 << 16)
        at = 0
        while len(pending) >= at + 5:
            kind, length = struct.unpack_from("!cI", pending, at)
            if len(pending) < at + 1 + length:
                break
            if kind == b"E":
                raise SystemExit(pending[at + 5 : at + 1 + length].replace(b"\0", b" "))
            at += 1 + length
            if kind == b"Z":
                return
        pending = pending[at:]


if __name__ == "__main__":
    main(*sys.argv[1:])
