#!/usr/bin/env python3
"""Makes signaling/testdata/seal.json: what LINK.md, section 7, says of invites, names and signals, worked
out by Python and the package cryptography alone, for the tests in Go and in TypeScript.

    pip install cryptography
    python3 scripts/seal_vectors.py > signaling/testdata/seal.json
"""

import base64
import json
import struct
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

HUB = "https://hub.example/r/"


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def drawn(what):
    """Bytes that look random, and are the same each time."""
    return sha256(b"snug test vector: " + what.encode()).digest()


def hkdf(ikm, info, size, salt=None):
    return HKDF(algorithm=SHA256(), length=size, salt=salt, info=info).derive(ikm)


def room_of(key):
    return "~" + b64(hkdf(key, b"snug.v1 room", 16))


def sender(key, member, salt):
    signals = hkdf(key, b"snug.v1 signals", 32)
    return hkdf(signals, b"snug.v1 sender\0" + member.encode(), 32, salt)


def seal(key, member, salt, n, text, parts):
    nonce = bytes(4) + struct.pack(">Q", n)
    return b64(AESGCM(sender(key, member, salt)).encrypt(nonce, text.encode(), b"\0".join(parts)))


def entry_ad(key, member):
    return [b"snug.v1 entry", room_of(key).encode(), member.encode()]


def signal_ad(key, member, to, n):
    return [b"snug.v1 signal", room_of(key).encode(), member.encode(), to.encode(), struct.pack(">Q", n)]


def entry(key, member, salt, text):
    return {"sealed": {"salt": b64(salt), "data": seal(key, member, salt, 0, text, entry_ad(key, member))}}


def signal(key, member, to, salt, n, text):
    data = seal(key, member, salt, n, text, signal_ad(key, member, to, n))
    return {"type": "sealed", "salt": b64(salt), "n": n, "data": data}


KEYS = [bytes(32), bytes(range(32)), b"\xff" * 32, drawn("key")]
KEY, OTHER = KEYS[3], drawn("another key")
ANN, BOB, CEM = (b64(drawn(name)[:16]) for name in ("ann", "bob", "cem"))
SALT = drawn("salt")[:16]
OFFER = json.dumps({"type": "offer", "n": 1, "carrier": 1, "sdp": "v=0\r\n…"}, ensure_ascii=False)


def keys():
    return [
        {"key": b64(key), "room": room_of(key), "signals": hkdf(key, b"snug.v1 signals", 32).hex(),
         "content": hkdf(key, b"snug.v1 content", 32).hex(), "sender": sender(key, ANN, SALT).hex(), "from": ANN, "salt": b64(SALT)}
        for key in KEYS
    ]


def invites():
    room, text = room_of(KEY), b64(KEY)
    assert text[-1] in "AEIMQUYcgkosw048"  # canonical: the last two bits are zero
    crooked = text[:-1] + chr(ord(text[-1]) + 1)
    return [
        {"name": "sealed", "invite": HUB + room + "#" + text, "room": room, "key": text},
        {"name": "sealed, below a path", "invite": "https://hub.example/chat/r/" + room + "#" + text, "room": room, "key": text},
        {"name": "open", "invite": HUB + "lobby", "room": "lobby"},
        {"name": "open, with nothing behind the #", "invite": HUB + "lobby#", "room": "lobby"},
        {"name": "without its key", "invite": HUB + room, "error": "no-key"},
        {"name": "with nothing behind the #", "invite": HUB + room + "#", "error": "no-key"},
        {"name": "an invented name of a sealed room, without a key", "invite": HUB + "~lobby", "error": "no-key"},
        {"name": "another room's key", "invite": HUB + room + "#" + b64(OTHER), "error": "wrong-key"},
        {"name": "an open room with a key", "invite": HUB + "lobby#" + text, "error": "wrong-key"},
        {"name": "the right name without its ~", "invite": HUB + room[1:] + "#" + text, "error": "wrong-key"},
        {"name": "a key cut short", "invite": HUB + room + "#" + text[:-1], "error": "damaged-key"},
        {"name": "a key with more behind it", "invite": HUB + room + "#" + text + "A", "error": "damaged-key"},
        {"name": "a key that isn't canonical", "invite": HUB + room + "#" + crooked, "error": "damaged-key"},
        {"name": "a padded key", "invite": HUB + room + "#" + text + "=", "error": "damaged-key"},
        {"name": "a key in the other base64", "invite": HUB + room_of(KEYS[2]) + "#" + b64(KEYS[2]).replace("_", "/"), "error": "damaged-key"},
        {"name": "two keys", "invite": HUB + room + "#" + text + "#" + text, "error": "damaged-key"},
        {"name": "an open room with something else", "invite": HUB + "lobby#top", "error": "damaged-key"},
    ]


def entries():
    def case(name, plain, member=ANN, meta=None, error=False):
        c = {"name": name, "key": b64(KEY), "from": member, "salt": b64(SALT), "plain": plain,
             "meta": meta or entry(KEY, ANN, SALT, plain)}
        return {**c, "unreadable": True} if error else c

    good = '{"name":"Ann 安","meta":{"colour":"teal"}}'
    right = entry(KEY, ANN, SALT, good)["sealed"]
    broken = b64(bytes([base64.urlsafe_b64decode(right["data"] + "==")[0] ^ 1]) + base64.urlsafe_b64decode(right["data"] + "==")[1:])
    return [
        case("a name and metadata", good),
        case("neither", '{"name":"","meta":{}}'),
        case("as much as fits", '{"name":"%s","meta":{"x":"%s"}}' % ("n" * 128, "x" * (704 - 128 - 27))),
        case("another's", good, member=BOB, error=True),
        case("of another key", good, meta=entry(OTHER, ANN, SALT, good), error=True),
        case("under another salt", good, meta={"sealed": {**right, "salt": b64(drawn("other salt")[:16])}}, error=True),
        case("with a bit turned", good, meta={"sealed": {**right, "data": broken}}, error=True),
        case("cut short", good, meta={"sealed": {**right, "data": right["data"][:-4]}}, error=True),
        case("empty", good, meta={"sealed": {**right, "data": ""}}, error=True),
        case("none", good, meta={"colour": "teal"}, error=True),
        case("a short salt", good, meta={"sealed": {**right, "salt": "AAAA"}}, error=True),
        case("not an object", good, meta={"sealed": "x"}, error=True),
        case("a name of 129 bytes", '{"name":"%s","meta":{}}' % ("n" * 129), error=True),
        case("a control character in the name", '{"name":"a\\u001bb","meta":{}}', error=True),
        case("no name", '{"meta":{}}', error=True),
        case("no metadata", '{"name":"Ann"}', error=True),
        case("metadata that is no object", '{"name":"Ann","meta":[]}', error=True),
        case("a signal in place of an entry", good, meta={"sealed": {**right, "data": seal(KEY, ANN, SALT, 0, good, signal_ad(KEY, ANN, BOB, 0))}}, error=True),
    ]


def signals():
    def case(name, n, body=None, plain=OFFER, member=ANN, to=BOB, error=False):
        c = {"name": name, "key": b64(KEY), "from": member, "to": to, "salt": b64(SALT), "n": n, "plain": plain,
             "body": body or signal(KEY, ANN, BOB, SALT, n, plain)}
        return {**c, "dropped": True} if error else c

    right = signal(KEY, ANN, BOB, SALT, 7, OFFER)
    return [
        case("the first", 1),
        case("a later one", 7),
        case("above 32 bits", 2**32 + 1),
        case("the last", 2**53 - 1),
        case("empty candidates", 2, plain='{"type":"candidates","n":1,"candidates":[]}'),
        case("from another", 7, right, member=BOB, error=True),
        case("to another", 7, right, to=CEM, error=True),
        case("back to its sender", 7, right, to=ANN, error=True),
        case("with another counter", 7, {**right, "n": 8}, error=True),
        case("under another salt", 7, {**right, "salt": b64(drawn("other salt")[:16])}, error=True),
        case("of another key", 7, signal(OTHER, ANN, BOB, SALT, 7, OFFER), error=True),
        case("of another room's name", 7, {**right, "data": seal(KEY, ANN, SALT, 7, OFFER, [b"snug.v1 signal", b"lobby", ANN.encode(), BOB.encode(), struct.pack(">Q", 7)])}, error=True),
        case("an entry in place of a signal", 0, {"type": "sealed", "salt": b64(SALT), "n": 0, "data": entry(KEY, ANN, SALT, OFFER)["sealed"]["data"]}, error=True),
        case("counter zero", 0, error=True),
        case("a counter above 53 bits", 2**53, error=True),
        case("a counter that is negative", 7, {**right, "n": -7}, error=True),
        case("a counter that isn't whole", 7, {**right, "n": 7.5}, error=True),
        case("no counter", 7, {k: v for k, v in right.items() if k != "n"}, error=True),
        case("shorter than its tag", 7, {**right, "data": "AAAA"}, error=True),
        case("not base64url", 7, {**right, "data": right["data"][:-2] + "+/"}, error=True),
        case("not sealed", 7, json.loads(OFFER), error=True),
        case("of another type", 7, {**right, "type": "wrapped"}, error=True),
    ]


def windows():
    """RFC 4303, section 3.4.3: a window of 64."""
    def case(name, *steps):
        return {"name": name, "steps": [{"n": n, "taken": taken} for n, taken in steps]}

    return [
        case("in order", (1, True), (2, True), (3, True), (3, False), (1, False)),
        case("out of order", (5, True), (3, True), (4, True), (1, True), (2, True), (4, False), (6, True)),
        case("the edge of the window", (64, True), (1, True), (65, True), (1, False), (2, True), (2, False), (66, True), (2, False)),
        case("a jump beyond it", (1, True), (1000, True), (1, False), (936, False), (937, True), (937, False), (999, True), (1000, False)),
        case("a jump of exactly its width", (1, True), (65, True), (1, False), (2, True), (65, False)),
        case("far above 32 bits", (2**32, True), (2**32 + 64, True), (2**32, False), (2**32 + 1, True), (2**53 - 1, True), (2**53 - 1, False)),
    ]


def main():
    lists = {"keys": keys(), "invites": invites(), "entries": entries(), "signals": signals(), "windows": windows()}
    print('{\n  "made by": "scripts/seal_vectors.py",')
    for i, (name, cases) in enumerate(lists.items()):
        lines = ",\n".join("    " + json.dumps(c, ensure_ascii=False) for c in cases)
        print(f'  "{name}": [\n{lines}\n  ]' + ("," if i + 1 < len(lists) else ""))
    print("}")


if __name__ == "__main__":
    main()
