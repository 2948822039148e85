"""A TMC client in plain Python with the wire habits of the seed: seed_peer.py PORT PATH COUNT

CONNECT always has flag 1, its headers come in another order and without intranet_ip, ids are written in the
smallest width that holds them.
"""
import base64, hashlib, json, os, socket, struct, sys, time

port, path, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
KEY, SECRET, GROUP = "12345678", "isomq-secret", "default"

sock = socket.create_connection(("127.0.0.1", port), 10)
nonce = base64.b64encode(os.urandom(16)).decode()
sock.sendall((f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              f"Sec-WebSocket-Key: {nonce}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
stream = sock.makefile("rb")
assert b" 101 " in stream.readline()
while stream.readline() not in (b"\r\n", b""):
    pass


def send(payload):
    mask = os.urandom(4)
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    sock.sendall(b"\x82" + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))


def receive():
    size = stream.read(2)[1] & 127
    if size > 125:
        size = struct.unpack(*((">H", stream.read(2)) if size == 126 else (">Q", stream.read(8))))[0]
    return stream.read(size)


def counted(text):
    data = text.encode()
    return struct.pack("<i", len(data)) + data


def integer(value):
    for code, form, limit in ((2, "<B", 1 << 8), (3, "<h", 1 << 15), (4, "<i", 1 << 31), (5, "<q", 1 << 63)):
        if value < limit:
            return bytes([code]) + struct.pack(form, value)


def frame(kind, headers, flag=None, token=None):
    out = bytes([2, kind])
    if flag:
        out += struct.pack("<Hi", 4, flag)
    if token:
        out += struct.pack("<H", 5) + counted(token)
    for key, value in headers.items():
        out += struct.pack("<H", 1) + counted(key)
        out += integer(value) if isinstance(value, int) else b"\x01" + counted(value)
    return out + b"\0\0"


def parse(data):
    at, fields = 2, {}

    def take(form):
        nonlocal at
        at += struct.calcsize(form)
        return struct.unpack_from(form, data, at - struct.calcsize(form))[0]

    def text():
        nonlocal at
        size = take("<i")
        at += size
        return data[at - size:at].decode()

    while (header := take("<H")) != 0:
        if header == 1:
            key, code = text(), None
            code = take("<B")
            fields[key] = text() if code == 1 else take({2: "<B", 3: "<H", 4: "<I", 5: "<Q", 6: "<q"}[code])
        else:
            fields[{2: ":code", 3: ":phrase", 4: ":flag", 5: ":token"}[header]] = text() if header in (3, 5) else take("<i")
    return data[1], fields


stamp = str(int(time.time() * 1000))
base = f"{SECRET}app_key{KEY}group_name{GROUP}timestamp{stamp}{SECRET}"
sign = hashlib.md5(base.encode()).hexdigest().upper()
send(frame(0, {"timestamp": stamp, "app_key": KEY, "sdk": "top-sdk-python", "sign": sign, "group_name": GROUP}, 1))
kind, ack = parse(receive())
assert kind == 1 and ack[":flag"] == 1, ack
token = ack[":token"]
for done in range(1, count + 1):
    kind, message = parse(receive())
    assert kind == 2 and json.loads(message["content"])["n"] >= 1, message
    send(frame(2, {"__kind": 2, "id": message["id"]}, token=token))
send(frame(2, {"__kind": 1}, token=token))
send(frame(2, {"__kind": 99}, 5, token))
assert parse(receive())[1][":code"] == 41
print("confirmed", done)
