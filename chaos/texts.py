"""A stand-in for Twilio's Messages resource: checks what it is asked as Twilio does, keeps it, and signs its reports.

`python -m chaos.texts --port 8099` prints each text, for trying out: KOHDE_SMS_URL=twilio+http://AC1:secret@127.0.0.1:8099/?from=%2B15005550006
"""

import argparse
import base64
import contextlib
import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

ACCOUNT, TOKEN = "AC00000000000000000000000000000001", "a-token"
NUMBER = re.compile(r"\+[1-9]\d{6,14}\Z")
PATH = re.compile(r"/2010-04-01/Accounts/(\w+)/Messages\.json\Z")


class Texts:
    """What was taken, as the forms that were posted. `errors` are answers by the recipient's number."""

    def __init__(self, account: str = ACCOUNT, token: str = TOKEN, *, shows: bool = False) -> None:
        self.account, self.token, self.shows = account, token, shows
        self.taken: list[dict[str, str]] = []
        self.errors: dict[str, tuple[int, int]] = {}
        self.breaks_off: set[str] = set()

    def answer(self, path: str, word: str, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        """Status and body, in the order in which Twilio checks."""
        expected = base64.b64encode(f"{self.account}:{self.token}".encode()).decode()
        found = PATH.match(path)
        if word != f"Basic {expected}" or not found or found[1] != self.account:
            return self.refused(401, 20003)
        if form.get("To") in self.errors:
            return self.refused(*self.errors[form["To"]])
        if not NUMBER.match(form.get("To", "")):
            return self.refused(400, 21211)
        if not form.get("Body"):
            return self.refused(400, 21602)
        if not form.get("From") and not form.get("MessagingServiceSid"):
            return self.refused(400, 21603)
        if len(form["Body"]) > 1_600:
            return self.refused(400, 21617)
        return self.took(form)

    def took(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        self.taken.append(form)
        if self.shows:
            sys.stdout.write(f"{form['To']}: {form['Body']}\n")
            sys.stdout.flush()
        return 201, {"sid": f"SM{len(self.taken):032x}", "status": "queued", "to": form["To"], "error_code": None}

    def refused(self, status: int, code: int) -> tuple[int, dict[str, object]]:
        url = f"https://www.twilio.com/docs/errors/{code}"
        return status, {"code": code, "message": "refused", "more_info": url, "status": status}


def handler(texts: Texts) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            form = dict(parse_qsl(body, keep_blank_values=True))
            status, said = texts.answer(self.path, self.headers.get("Authorization", ""), form)
            if form.get("To") in texts.breaks_off:  # it took the message, and nobody hears so
                self.close_connection = True
                return
            written = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        def log_message(self, *words: object) -> None:
            pass

    return Handler


@contextlib.contextmanager
def answering(texts: Texts) -> Iterator[str]:
    """Serve in a thread; yields the address for KOHDE_SMS_URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(texts))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        where = f"127.0.0.1:{server.server_port}"
        yield f"twilio+http://{texts.account}:{texts.token}@{where}/?from=%2B15005550006"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8099)
    texts = Texts("AC1", "secret", shows=True)
    with contextlib.suppress(KeyboardInterrupt):
        ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), handler(texts)).serve_forever()


if __name__ == "__main__":
    main()
