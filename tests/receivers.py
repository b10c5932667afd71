"""Who is told: a webhook and a mail server on loopback, both real."""

from __future__ import annotations

import json
import socketserver
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any


class Webhook:
    """Keeps what it is sent. `answer` decides the status of each; `stop` and `start` take it away and bring it back."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.refused: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], int] = lambda _: 200
        self.port = 0
        self.start()

    @property
    def subjects(self) -> list[str]:
        return [message["title"] for message in self.messages]

    @property
    def address(self) -> str:
        return f"json://127.0.0.1:{self.port}/files"

    def start(self) -> None:
        self._server = _Server(("127.0.0.1", self.port), _Posts)
        self._server.webhook = self
        self.port = self._server.server_port
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(HTTPServer):
    webhook: Webhook


class _Posts(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        status = self.server.webhook.answer(message)
        (self.server.webhook.messages if status == 200 else self.server.webhook.refused).append(message)
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@contextmanager
def webhook() -> Iterator[Webhook]:
    receiver = Webhook()
    try:
        yield receiver
    finally:
        receiver.stop()


class MailServer(socketserver.TCPServer):
    """Keeps the mails it is sent by whoever knows the password."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.mails: list[EmailMessage] = []
        super().__init__(("127.0.0.1", 0), _Session)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Session(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            match verb.upper():
                case "EHLO":
                    self._say("250-here\r\n250 AUTH PLAIN")
                case "AUTH":
                    known = b64decode(rest.split()[1]).split(b"\0")[2].decode() == self.server.password
                    self._say("235 welcome" if known else "535 wrong password")
                case "DATA":
                    self._say("354 go on")
                    self.server.mails.append(message_from_bytes(self._data(), policy=policy.default))
                    self._say("250 kept")
                case "QUIT":
                    return self._say("221 bye")
                case _:
                    self._say("250 fine")
        return None

    def _data(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        return b"".join(lines)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mail_server(password: str) -> Iterator[MailServer]:
    with MailServer(password) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
