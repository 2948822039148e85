"""A Prism client in plain Python with the wire habits of a vendor's SDK: peer.py php|go PORT BASE-PATH COUNT

php: system parameters always in the query, binary frames, the default queue as 02 0000, a nonce that is no nonce.
go:  everything of a POST in its form, no sign_method, text frames, the default queue as 02.

Writes a message by HTTP, publishes the others by socket, receives and acknowledges them all, and prints what came.
"""
import base64, hashlib, http.client, json, os, socket, struct, sys, time
from urllib.parse import quote, quote_plus

habit, port, base, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
KEY, SECRET = "isomq-key", "isomq-prism-secret"
PHP = habit == "php"
OPCODE = 2 if PHP else 1


def joined(fields):
    return "&".join(f"{name}={fields[name]}" for name in sorted(fields, key=lambda name: name.encode()))


def sign(method, path, headers, query, form):
    signed = {name: value for name, value in headers.items() if name == "Authorization" or name.startswith("X-Api-")}
    parts = [path, joined(signed), joined(query), joined(form)]
    text = "&".join([SECRET, method, *(quote(part, safe="-._~") for part in parts), SECRET])
    return hashlib.md5(text.encode()).hexdigest().upper()


def encoded(fields):
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in fields.items())


def request(method, api, params, headers):
    """The parts of a signed request: target and body."""
    path = f"{base}/{api}"
    in_query = method in ("GET", "DELETE") or (method == "PUT" and not PHP)
    query, form = (dict(params), {}) if in_query else ({}, dict(params))
    system = query if in_query or PHP else form
    system.update(client_id=KEY, sign_time=str(int(time.time())))
    if PHP:
        system["sign_method"] = "md5"
    system["sign"] = sign(method, path, headers, query, form)
    return path + ("?" + encoded(query) if query else ""), encoded(form)


def call(method, api, params):
    headers = {"X-Api-Zone": "c n", "X-Api-Arg": "1", "User-Agent": "Prism"}
    target, body = request(method, api, params, headers)
    if body:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, target, body or None, headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    assert response.status == 200 and response.headers["x-request-id"], answer
    return answer


for method in ("GET", "POST", "PUT", "DELETE"):
    sent = {"name": "商派 ShopEx", "reserved": "!*'()~ +&=%/?#[]@:;,$-._", "empty": "", "城市": "上海"}
    told = call(method, "demo/echo", sent)["result"]
    assert told["big"] == 9223372036854775807 and dict(told["query"] + told["form"]) == sent, told
assert call("POST", "platform/notify/write", {"data": "message 0", "key": "order.new"}) == {"result": True, "error": None}
queues = call("GET", "platform/notify/status", {})["result"]["queues"]
assert queues[0]["waiting"] == 1, queues

sock = socket.create_connection(("127.0.0.1", port), 10)
target, _ = request("GET", "platform/notify", {}, {})
nonce = base64.b64encode(str(int(time.time())).encode() if PHP else os.urandom(16)).decode()
extra = "Sec-WebSocket-Protocol: chat\r\nOrigin: http://127.0.0.1/platform/notify\r\n" if PHP else ""
sock.sendall((f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{extra}"
              f"Sec-Websocket-Key: {nonce}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
stream = sock.makefile("rb")
first = stream.readline()
assert b" 101 " in first, first
while stream.readline() not in (b"\r\n", b""):
    pass


def send(payload):
    mask = os.urandom(4)
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    sock.sendall(bytes([0x80 | OPCODE]) + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))


def receive():
    opcode, size = stream.read(2)
    if size > 125:
        size = struct.unpack(*((">H", stream.read(2)) if size == 126 else (">Q", stream.read(8))))[0]
    assert opcode == 0x81, opcode
    return json.loads(stream.read(size))


def publish(key, body, kind):
    key, body, kind = key.encode(), body.encode(), kind.encode()
    send(b"\x01" + struct.pack(">H", len(key)) + key + struct.pack(">I", len(body)) + body + struct.pack(">H", len(kind)) + kind)


send(b"\x02\x00\x00" if PHP else b"\x02")
for n in range(1, count):
    publish("order.new", f"message {n}", "text/plain")
for n in range(count):
    message = receive()
    assert (message["body"], message["key"], message["type"]) == (f"message {n}", "order.new", "text/plain"), message
    assert abs(message["time"] - time.time()) < 60 and message["tag"] > 2 ** 53, message
    send(b"\x03" + str(message["tag"]).encode())
# What makes no sense is answered, so that all that came before it has arrived.
send(b"\x09")
assert receive()["error"]["code"] == "malformed"
print("acknowledged", count)
