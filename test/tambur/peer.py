"""Tambur's two halves in plain Python, with the wire habits of the service's Python client: peer.py plus|percent PORT APP COUNT

plus:    form bodies as requests writes them, with + for a blank; nonces of 32 digits, parameters in any order.
percent: %20 for a blank, nonces of 5 letters, sorted parameters, as the PHP client.

Finds the socket through the balancer, subscribes, shows mode tokens, publishes over REST and prints what came back.
"""
import base64, hashlib, hmac, http.client, json, os, random, re, socket, string, struct, sys, time
from urllib.parse import quote, quote_plus, urlencode

habit, port, app, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
KEY, SECRET = "30af96de47e3c58329045ff136a4a3ea", "isomq-tambur-secret"
PLUS = habit == "plus"


def escape(text):
    return quote(text, safe="-._~")


def ask(method, path, body=None, headers={}):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response.status, response.read().decode()


def publish(stream, message, secret=SECRET):
    # What a path may hold stays as it is, as requests has it.
    path = quote(f"/app/{app}/stream/{stream}", safe="/:;@&=+$,!'()*~")
    nonce = str(random.getrandbits(106)) if PLUS else "".join(random.choices(string.ascii_letters, k=5))
    fields = {
        "api_version": "1.0",
        "message": message,
        "oauth_nonce": nonce,
        "oauth_timestamp": str(int(time.time())),
        "oauth_version": "1.0",
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_consumer_key": KEY,
    }
    listed = "&".join(sorted(f"{escape(name)}={escape(value)}" for name, value in fields.items()))
    text = "&".join(["POST", escape(f"http://127.0.0.1:{port}{path}"), escape(listed)])
    digest = hmac.new(f"{escape(secret)}&".encode(), text.encode(), hashlib.sha1).digest()
    fields["oauth_signature"] = base64.b64encode(digest).decode()
    pairs = list(fields.items()) if PLUS else sorted(fields.items())
    body = urlencode(pairs, quote_via=quote_plus if PLUS else quote)
    return ask("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})


def token(mode, *props):
    return hmac.new(SECRET.encode(), ":".join([KEY, app, mode, *props, me]).encode(), hashlib.sha1).hexdigest()


status, answer = ask("GET", f"/{KEY}/{app}?instance=1&callback=tambur.Utils.connect_callback")
assert status == 200, answer
host, target = re.fullmatch(r'tambur\.Utils\.connect_callback\(1, "([^/"]+)(/[^"]+)"\);', answer).groups()

sock = socket.create_connection((host.split(":")[0], int(host.split(":")[1])), 10)
nonce = base64.b64encode(os.urandom(16)).decode()
sock.sendall((f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              f"Sec-WebSocket-Key: {nonce}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
stream = sock.makefile("rb")
first = stream.readline()
assert b" 101 " in first, first
while stream.readline() not in (b"\r\n", b""):
    pass


def receive():
    opcode, size = stream.read(2)
    if size > 125:
        size = struct.unpack(*((">H", stream.read(2)) if size == 126 else (">Q", stream.read(8))))[0]
    assert opcode == 0x81, opcode
    return stream.read(size).decode()


def send(*parts):
    payload, mask = json.dumps(parts).encode(), os.urandom(4)
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    # Binary frames carry the same.
    sock.sendall(bytes([0x81 if PLUS else 0x82]) + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))


handles = iter(range(1, 100))


def command(name, *args):
    handle = next(handles)
    send(name, handle, *args)
    answer = json.loads(receive())
    assert answer[:2] == ["ack", handle], answer
    return answer[2]


greeting = receive()
assert re.fullmatch(r"id:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", greeting), greeting
me = greeting[3:]

assert command("subscribe", "my stream") == "ok"
assert command("subscribe", "my stream") == "already_subscribed"
assert command("set_mode", "auth", "my stream", token("auth", "my stream")) == "ok"
assert command("set_mode", "presence", "my stream", "Zoë", token("presence", "my stream", "Zoë")) == "ok"
assert command("set_mode", "direct", "my stream", "Zoë", "x") == "invalid_token"
assert command("set_mode", "direct", "my stream", "Zoë", token("direct", "my stream", "Zoë")) == "ok"

assert publish("my stream", "x", "wrong")[0] == 401
for n in range(count):
    message = f"message {n}: a=b&c=d+e %20!*'()~/?#[]@:;,$ Grüße, 世界 😀\r\n"
    for name, kind in (("my stream", "message"), ("auth:my stream", "auth"), (f"private:{me}", "message")):
        status, answer = publish(name, message)
        assert status == 204, answer
        expected = ["msg", "private" if name.startswith("private") else "my stream", kind, message]
        assert json.loads(receive()) == expected
handle = next(handles)
send("direct", handle, "my stream", "Zoë", "to myself")
assert [json.loads(receive()), json.loads(receive())] == [["msg", "my stream", "direct", ["Zoë", "to myself"]], ["ack", handle, "ok"]]
assert command("unsubscribe", "my stream") == "ok"
print("received", count * 3)
