"""A client of the broker in plain Python, with the wire habits of the PHP connector: peer.py PORT BASE-PATH

Signs in with a salted secret over WAMP 1, subscribes, pushes as PHP does (JSON with \\/ and \\uXXXX, a query with + and
%7E, a slash before it), unsigned and signed in both dialects, and receives all of it.
"""
import base64, hashlib, hmac, http.client, json, os, socket, struct, sys, time
from urllib.parse import quote_plus

port, base = int(sys.argv[1]), sys.argv[2]
KEY, SECRET = "isomq-app", "isomq-webmq-secret"
USER, USER_SECRET = "isomq-salted", "isomq-salted-secret"
TOPIC = "http://example.com/a topic/~1"


def php_json(event):
    return json.dumps(event, separators=(",", ":")).replace("/", "\\/")


def php_query(fields):
    return "&".join(f"{name}={quote_plus(value, safe='-_.').replace('~', '%7E')}" for name, value in fields.items())


def push(event, dialect=None, **lists):
    body = php_json(event)
    query = {"topicuri": TOPIC}
    if dialect:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        name, algorithm = ("authkey", hashlib.sha256) if dialect == "webmq" else ("appkey", hashlib.sha1)
        digest = hmac.new(SECRET.encode(), (TOPIC + KEY + stamp + body).encode(), algorithm).digest()
        query.update({"timestamp": stamp, name: KEY, "signature": base64.urlsafe_b64encode(digest).decode()})
    query.update({name: ",".join(ids) for name, ids in lists.items()})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", f"{base}/push/?{php_query(query)}", body, headers)
    response = connection.getresponse()
    response.read()
    return response.status


sock = socket.create_connection(("127.0.0.1", port), 10)
nonce = base64.b64encode(os.urandom(16)).decode()
sock.sendall((f"GET {base}/ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              f"Sec-WebSocket-Protocol: wamp\r\nSec-WebSocket-Key: {nonce}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
stream = sock.makefile("rb")
first = stream.readline()
assert b" 101 " in first, first
answered = {}
while (line := stream.readline()) not in (b"\r\n", b""):
    name, value = line.decode().split(":", 1)
    answered[name.strip().lower()] = value.strip()
assert answered["sec-websocket-protocol"] == "wamp", answered


def send(*message):
    payload, mask = json.dumps(message).encode(), os.urandom(4)
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    sock.sendall(b"\x81" + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))


def receive():
    opcode, size = stream.read(2)
    if size > 125:
        size = struct.unpack(*((">H", stream.read(2)) if size == 126 else (">Q", stream.read(8))))[0]
    assert opcode == 0x81, opcode
    return json.loads(stream.read(size))


def call(procedure, *args):
    send(2, "call", procedure, *args)
    kind, call_id, *result = receive()
    assert (kind, call_id) == (3, "call"), result
    return result[0]


kind, session, version, _ = receive()
assert (kind, version) == (0, 1)
challenge = call("http://api.wamp.ws/procedure#authreq", USER, None)
extra = json.loads(challenge)["authextra"]
derived = hashlib.pbkdf2_hmac("sha256", USER_SECRET.encode(), extra["salt"].encode(), extra["iterations"], extra["keylen"])
signature = hmac.new(base64.b64encode(derived), challenge.encode(), hashlib.sha256).digest()
assert "pubsub" in call("http://api.wamp.ws/procedure#auth", base64.b64encode(signature).decode())

send(1, "ex", "http://example.com/")
send(5, "ex:a topic/~1")
assert call("http://example.com/demo#add", 2, 3) == 5
event = {"name": "Zoë 王 😀", "href": "http://e.com/a?b=c&d"}
for dialect in (None, "webmq", "autobahn"):
    assert push(event, dialect) == 202
    assert receive() == [8, TOPIC, event]
assert push("not for us", "webmq", exclude=[session]) == 202
assert push("for us", "webmq", eligible=[session, "nobody"], exclude=["nobody"]) == 202
assert receive() == [8, TOPIC, "for us"]
SECRET = "wrong"
assert push(event, "webmq") == 401
print("received 4")
