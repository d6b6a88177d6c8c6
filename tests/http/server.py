"""A web server with bad manners, for the tests of downloads.

    server.py FOLDER PORT_FILE LOG_FILE

serves FOLDER on a free port of 127.0.0.1, which it writes to PORT_FILE. The first part of a path says how the rest is
served:

    /good/F        as a good server would, ranges and If-Range included
    /norange/F     always all of it, whatever range was asked for
    /cut/K/F       the first K answers break off halfway, with the length of all announced
    /cutplain/K/F  the same by a server that knows no ranges
    /nolength/K/F  the first K answers break off halfway, and no length is announced
    /stall/K/F     the first K answers fall silent halfway
    /busy/K/F      the first K answers are 503, with Retry-After: 1
    /code/N/F      answers N
    /to/P          redirects to /P
    /loop/F        redirects to itself
    /shifted/F     ranges begin a byte later than asked for, and say so
    /changing/F    breaks off halfway, each time with another ETag and other contents
    /endless/F     sends zeros until the reader has gone

LOG_FILE gets a line a request: the path, the range asked for, the user agent, whether a password was sent. Answers are
counted in it: a test that empties it starts afresh.
"""

import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FOLDER, PORT_FILE, LOG_FILE = sys.argv[1:4]
lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *ignored):
        pass

    def note(self):
        """Log the request; how often was this path asked for since the log was emptied?"""
        with lock, open(LOG_FILE, "a+") as log:
            print(self.path, self.headers.get("Range", "-"), self.headers.get("User-Agent", "-"),
                  "password" if self.headers.get("Authorization") else "-", file=log, flush=True)
            log.seek(0)
            return sum(line.split()[0] == self.path for line in log)

    def do_GET(self):
        times = self.note()
        manner, _, rest = self.path.split("?")[0].lstrip("/").partition("/")
        if self.path.startswith("http:"):  # asked as a proxy
            return self.serve_code("404", times)
        return getattr(self, "serve_" + manner)(rest, times)

    def answer(self, code, **fields):
        self.send_response(code)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), str(value))
        if "Content_Length" not in fields:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()

    def contents(self, name):
        try:
            with open(os.path.join(FOLDER, name), "rb") as file:
                return file.read()
        except OSError:
            return None

    def serve_code(self, rest, times):
        self.answer(int(rest.split("/")[0]), Content_Length=6)
        self.wfile.write(b"sorry\n")

    def serve_to(self, rest, times):
        self.answer(302, Location="/" + rest, Content_Length=0)

    def serve_loop(self, rest, times):
        self.answer(302, Location=self.path, Content_Length=0)

    def part(self, data, tag, shift=0):
        """What is asked for: (code, begin, fields)."""
        asked = self.headers.get("Range")
        if not asked or self.headers.get("If-Range", tag) != tag:
            return 200, 0, {}
        begin = int(asked[len("bytes="):].rstrip("-")) + shift
        if begin >= len(data):
            return 416, 0, {"Content_Range": f"bytes */{len(data)}"}
        return 206, begin, {"Content_Range": f"bytes {begin}-{len(data) - 1}/{len(data)}"}

    def send(self, name, share=1.0, ranges=True, length=True, silent=False, shift=0, data=None, tag='"1"'):
        data = self.contents(name) if data is None else data
        if data is None:
            return self.serve_code("404", 0)
        code, begin, fields = self.part(data, tag, shift) if ranges else (200, 0, {})
        if code == 416:
            return self.answer(416, Content_Length=0, **fields)
        body = data[begin:]
        if length:
            fields["Content_Length"] = len(body)
        self.answer(code, ETag=tag, **fields)
        self.wfile.write(body[:int(len(body) * share)])
        self.wfile.flush()
        if silent:
            time.sleep(3600)
        self.close_connection = self.close_connection or share < 1

    def serve_good(self, rest, times):
        self.send(rest)

    def serve_norange(self, rest, times):
        self.send(rest, ranges=False)

    def serve_shifted(self, rest, times):
        self.send(rest, share=0.5 if times == 1 else 1.0, shift=1)

    def serve_changing(self, rest, times):
        data = bytes([times]) * 1000 if times < 3 else self.contents(rest)
        self.send(rest, share=0.5 if times < 3 else 1.0, data=data, tag=f'"{times}"')

    def first(self, rest, times, **manners):
        most, _, name = rest.partition("/")
        self.send(name, **manners) if times <= int(most) else self.send(name, ranges=manners.get("ranges", True))

    def serve_cut(self, rest, times):
        self.first(rest, times, share=0.5)

    def serve_cutplain(self, rest, times):
        self.first(rest, times, share=0.5, ranges=False)

    def serve_nolength(self, rest, times):
        self.first(rest, times, share=0.5, length=False)

    def serve_stall(self, rest, times):
        self.first(rest, times, share=0.5, silent=True)

    def serve_busy(self, rest, times):
        most, _, name = rest.partition("/")
        if times <= int(most):
            return self.answer(503, Retry_After=1, Content_Length=0)
        return self.send(name)

    def serve_endless(self, rest, times):
        self.answer(200)
        try:
            while True:
                self.wfile.write(bytes(65536))
        except OSError:
            self.close_connection = True


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(PORT_FILE + ".new", "w") as file:
    print(server.server_address[1], file=file)
os.rename(PORT_FILE + ".new", PORT_FILE)
server.serve_forever()
