# SPDX-License-Identifier: MIT
"""The relay behind the servers: HTTP/1.1 on loopback, as a provider's application server is.

In: POST /v1/chat/completions, streamed or not, and GET /v1/models, /v1/large. Out: answers that
follow from the request alone, and counts. The model's name chooses what is special:
    lockstep  sends a token only when the test has seen the one before at the other end
    together-N-ID
              answers nobody before N requests with this name are here: all were in flight at once
    large     an answer of LARGE_BYTES
Knows nothing of the server in front of it.
"""

import hashlib
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAIT_S = 30
LARGE_BYTES = 65536

PIECES = ("Connection pooling ", "keeps ", "a few ", "open connections ", "and ", "shares ",
          "them: ", "\"reuse\" ", "costs ", "no hand\u00adshake; ", "gr\u00fc\u00dfe ",
          "\u65e5\u672c\u8a9e ", "\U0001f600 ", "a\\b ", "line\n", "tab\t") * 4
TEXT = "".join(PIECES)
USAGE = {"prompt_tokens": 11, "completion_tokens": len(PIECES),
         "total_tokens": 11 + len(PIECES), "prompt_tokens_details": {"cached_tokens": 3}}


def large_body():
    """LARGE_BYTES that follow from nothing but their position, each line different."""
    digest = "".join(hashlib.sha256(str(i).encode()).hexdigest() for i in range(LARGE_BYTES // 64))
    return digest.encode()


LARGE = large_body()
LARGE_SHA256 = hashlib.sha256(LARGE).hexdigest()


def event(delta, finish=None, **more):
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None,
                                         "finish_reason": finish}]
    body = {"id": "chatcmpl-interop", "object": "chat.completion.chunk", "created": 1750000000,
            "model": "interop", "choices": choices, **more}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def events():
    """The stream as the bytes that are flushed one by one."""
    yield event({"role": "assistant", "content": "", "refusal": None})
    for piece in PIECES:
        yield event({"content": piece})
    yield b": keep-alive\n\n"
    yield event({}, finish="stop")
    yield event(None, usage=USAGE)
    yield b"data: [DONE]\n\n"


def plain(text):
    choice = {"index": 0, "message": {"role": "assistant", "content": text},
              "logprobs": None, "finish_reason": "stop"}
    return json.dumps({"id": "chatcmpl-interop", "object": "chat.completion",
                       "created": 1750000000, "model": "interop", "choices": [choice],
                       "usage": USAGE}).encode()


MODELS = json.dumps({"object": "list", "data": [{"id": "interop", "object": "model"}]}).encode()


class Gate:
    """Closed until as many are before it as its name says, then open for good."""

    def __init__(self, model):
        self.missing = int(model.split("-")[1])
        self.lock = threading.Lock()
        self.opened = threading.Event()

    def passes(self):
        with self.lock:
            self.missing -= 1
            if self.missing == 0:
                self.opened.set()
        return self.opened.wait(WAIT_S)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 0
    timeout = 2 * WAIT_S

    def log_message(self, *unused): # counts are kept instead
        pass

    def answer(self, body, code=200, kind="application/json"):
        head = (f"HTTP/1.1 {code} {'OK' if code == 200 else 'Error'}\r\ncontent-type: {kind}\r\n"
                f"content-length: {len(body)}\r\n\r\n")
        self.wfile.write(head.encode() + body)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def stream(self, model):
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                         b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n")
        for number, data in enumerate(events()):
            self.chunk(data)
            # The first event has no token. An answer without its rest is cut: the test fails.
            if model == "lockstep" and 0 < number <= len(PIECES) and \
                    not self.server.seen.acquire(timeout=WAIT_S):
                self.close_connection = True
                return
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self):
        self.server.count("gets")
        if self.path == "/v1/models":
            self.answer(MODELS)
        elif self.path == "/v1/large":
            self.answer(LARGE, kind="application/octet-stream")
        else:
            self.answer(b'{"error":{"message":"no such path"}}', 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        if self.path != "/v1/chat/completions":
            self.answer(b'{"error":{"message":"no such path"}}', 404)
            return
        self.server.count("posts")
        try:
            request = json.loads(body)
            model, streamed = request["model"], request.get("stream", False)
            if model.startswith("together-") and not self.server.gate(model).passes():
                raise ValueError(f"{model}: too few at once")
        except (ValueError, KeyError) as problem:
            self.answer(json.dumps({"error": {"message": repr(problem)}}).encode(), 503)
            return
        if streamed:
            self.stream(model)
        else:
            self.answer(plain(LARGE.decode() if model == "large" else TEXT))


class Backend(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512
    address_family = socket.AF_INET

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen = threading.Semaphore(0)
        self.lock = threading.Lock()
        self.gates = {}
        self.counts = {"gets": 0, "posts": 0}
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self):
        return self.server_address[1]

    def gate(self, model):
        with self.lock:
            return self.gates.setdefault(model, Gate(model))

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def handle_error(self, request, client_address): # a front end that closes is no mistake
        pass

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.shutdown()
        self.server_close()
