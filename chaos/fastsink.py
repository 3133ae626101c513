"""A mail sink for measuring: says yes to everything and keeps nothing, so that the sender is what is measured."""

import argparse
import socket
import threading

END = b"\r\n.\r\n"


def converse(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(b"220 sink\r\n")
    waiting, in_payload = b"", False
    while chunk := connection.recv(65_536):
        waiting += chunk
        mark = END if in_payload else b"\r\n"
        while mark in waiting:
            line, _, waiting = waiting.partition(mark)
            if not in_payload and line[:4].upper() == b"QUIT":
                connection.sendall(b"221 bye\r\n")
                return
            starts = not in_payload and line[:4].upper() == b"DATA"
            connection.sendall(b"354 go on\r\n" if starts else b"250 OK\r\n")
            in_payload = starts
            mark = END if in_payload else b"\r\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    with socket.create_server(("127.0.0.1", parser.parse_args().port)) as server:
        while True:
            connection, _ = server.accept()
            threading.Thread(target=converse, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
