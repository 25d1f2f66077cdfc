#!/usr/bin/env python3
"""Computes signaling/testdata/identity.json with Python's cryptography, independently of Go and TypeScript.

    python3 scripts/identity_vectors.py > signaling/testdata/identity.json

It needs the package cryptography (Debian: python3-cryptography). The same output comes each time.
"""
import base64
import hashlib
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ROOM = "~bWVldGluZyBwbGFjZSAxNg"
ANN, BEN = "AnnAnnAnnAnnAnnAnnAnAA", "BenBenBenBenBenBenBeAA"


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def u32(n):
    return n.to_bytes(4, "big")


def texts(*all):
    return b"".join(t.encode() + b"\0" for t in all)


def key(seed):
    private = Ed25519PrivateKey.from_private_bytes(seed)
    return private, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


SEED_ANN, SEED_BEN = sha(b"Ann"), sha(b"Ben")
FP_ANN, FP_BEN = sha(b"Ann's certificate"), sha(b"Ben's certificate")


def line(fp, case=str.upper):
    return "a=fingerprint:sha-256 " + case(fp.hex(":"))


def sdp(fp):
    return "\r\n".join(["v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
                        "c=IN IP4 0.0.0.0", "a=ice-ufrag:wXyZ", "a=ice-pwd:0123456789abcdefghijkl", line(fp), "a=setup:actpass", "a=mid:0", ""])


def signed(seed, transcript):
    private, public = key(seed)
    return {"key": b64(public), "signature": b64(private.sign(transcript))}


def description(name, seed, sender, receiver, role, n, carrier, offer, own, fp):
    t = texts("snug.v1 description", ROOM, sender, receiver, role) + u32(n) + u32(carrier) + sha(offer.encode()) + sha(own.encode()) + b"\x01" + fp
    return {"name": name, "seed": seed.hex(), "room": ROOM, "from": sender, "to": receiver, "role": role, "n": n, "carrier": carrier, "offer": offer,
            "own": own, "fingerprint": fp.hex(), "transcript": t.hex(), "identity": signed(seed, t)}


def hello(name, seed, sender, receiver, carrier, own, other, other_key):
    t = texts("snug.v1 hello", ROOM, sender, receiver) + u32(carrier) + own + other + other_key
    return {"name": name, "seed": seed.hex(), "room": ROOM, "from": sender, "to": receiver, "carrier": carrier, "own": own.hex(), "other": other.hex(),
            "otherKey": b64(other_key), "transcript": t.hex(), "identity": signed(seed, t)}


def code(name, a, b, nonce_a, nonce_b, room=ROOM):
    bound = sha(texts("snug.v1 verify", room, a[0], b[0]), a[1], b[1], a[2], b[2])
    bits = HKDF(hashes.SHA256(), 6, salt=bound, info=b"snug.v1 emoji").derive(nonce_a + nonce_b)
    n = int.from_bytes(bits, "big") >> 6

    def end(e):
        return {"id": e[0], "key": b64(e[1]), "fingerprint": e[2].hex()}
    return {"name": name, "room": room, "a": end(a), "b": end(b), "nonceA": b64(nonce_a), "nonceB": b64(nonce_b), "bound": bound.hex(),
            "commit": b64(sha(texts("snug.v1 commit"), bound, nonce_a)), "code": [n >> (36 - 6 * i) & 63 for i in range(7)]}


P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def root(n):
    """The square roots of n modulo P, none or two (RFC 8032, section 5.1.3)."""
    r = pow(n, (P + 3) // 8, P)
    if r * r % P != n % P:
        r = r * pow(2, (P - 1) // 4, P) % P
    return [r, P - r] if r * r % P == n % P else []


def weak():
    """All encodings of points of small order: y is 1, -1, 0 or, of order 8, what d*y^4 + 2*y^2 = 1 gives."""
    ys = {0, 1, P - 1, P, P + 1}
    for r in root(1 + D):
        ys.update(root((r - 1) * pow(D, P - 2, P) % P))
    return sorted((y | sign << 255).to_bytes(32, "little").hex() for y in ys for sign in (0, 1))


def refused():
    t = texts("snug.v1 hello", ROOM, ANN, BEN)
    private, public = key(SEED_ANN)
    good = private.sign(t)
    s = int.from_bytes(good[32:], "little")

    def case(name, k, sig, transcript=t):
        return {"name": name, "transcript": transcript.hex(), "identity": {"key": b64(k), "signature": b64(sig)}}
    one = (1).to_bytes(32, "little")
    return [
        case("another transcript", public, good, t + b"x"),
        case("another key", key(SEED_BEN)[1], good),
        case("an altered signature", public, bytes([good[0] ^ 1]) + good[1:]),
        case("a number that is counted around once more (RFC 8032, section 5.1.7)", public, good[:32] + (s + L).to_bytes(32, "little")),
        case("a key of small order, with which anybody signs anything", one, one + bytes(32)),
        case("the same key, written another way", (P + 1).to_bytes(32, "little"), one + bytes(32)),
        case("a key that is no point", (2).to_bytes(32, "little"), good),
        case("zeros", bytes(32), bytes(64)),
    ]


def fingerprints():
    f, g = line(FP_ANN), line(FP_BEN)

    def case(name, text, fp=None, error=None):
        return {"name": name, "sdp": text, **({"fingerprint": fp.hex()} if fp else {"error": error})}
    ok = [
        case("at media level", sdp(FP_ANN), FP_ANN),
        case("at session level", f"v=0\r\n{f}\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", FP_ANN),
        case("at both, the same", f"v=0\r\n{f}\r\nm=application 9 x\r\n{f}\r\n", FP_ANN),
        case("small letters", line(FP_ANN, str.lower) + "\r\n", FP_ANN),
        case("the name of the hash in capitals", f.replace("sha", "SHA"), FP_ANN),
        case("lines end in LF alone", f"v=0\n{f}\ns=-\n", FP_ANN),
        case("without a last line end", f, FP_ANN),
    ]
    none = [case("an empty description", "", error="none"), case("none", "v=0\r\ns=-\r\n", error="none")]
    many = [case("another at media level", f"v=0\r\n{f}\r\nm=application 9 x\r\n{g}\r\n", error="many"), case("two at once", f"{f}\r\n{g}\r\n", error="many"),
            case("another after a lone CR", f"{f}\r{g}\r\n", error="many")]
    bad = [case(name, text, error="malformed") for name, text in [
        ("SHA-1", "a=fingerprint:sha-1 " + FP_ANN[:20].hex(":").upper()),
        ("SHA-512", "a=fingerprint:sha-512 " + (FP_ANN + FP_BEN).hex(":").upper()),
        ("SHA-1 beside SHA-256", f"{f}\r\na=fingerprint:sha-1 {FP_ANN[:20].hex(':').upper()}\r\n"),
        ("one byte too few", f[:-3]), ("one byte too many", f + ":00"), ("half a byte", f[:-1]), ("a space at the end", f + " "), ("two spaces", f.replace(" ", "  ")), ("a tab", f.replace(" ", "\t")),
        ("a space before", " " + f), ("no colons", f.replace(":", "").replace("a=fingerprint", "a=fingerprint:")), ("dashes", "a=fingerprint:sha-256 " + FP_ANN.hex("-")),
        ("no hexadecimal digit", f[:-1] + "G"), ("a plus", f[:-2] + "+1"), ("digits of another script", f[:-2] + "\u0661"), ("empty", "a=fingerprint:"), ("without a value", "a=fingerprint"),
        ("a zero byte", f + "\0"), ("the attribute in capitals, otherwise malformed", "A=FINGERPRINT:MD5 00"), ("a group's", f + "\r\nx-fingerprint: 1\r\n"),
        ("a line end of another kind", f + "\u2028" + g),
    ]]
    return ok + none + many + bad


def proofs():
    good = signed(SEED_ANN, b"x")

    def case(name, error=False, **change):
        value = {k: v for k, v in {**good, **change}.items() if v is not ...}
        return {"name": name, "text": json.dumps(value, ensure_ascii=False), "error": error}
    k, s = good["key"], good["signature"]
    return [
        case("a proof"), case("with what a later version adds", more=1),
        case("no key", True, key=...), case("no signature", True, signature=...), case("a key that is null", True, key=None), case("a number", True, key=1),
        case("padded", True, key=k + "="), case("too short", True, key=k[:-1]), case("too long", True, signature=s + "A"), case("empty", True, key=""),
        case("the letters of ordinary base64", True, key="+" + k[1:]), case("bits that mean nothing", True, key=k[:-1] + "B"), case("a line end", True, key=k[:-1] + "\n"),
        {"name": "a list", "text": "[]", "error": True}, {"name": "null", "text": "null", "error": True}, {"name": "a text", "text": '"x"', "error": True},
    ]


def main():
    _, ann = key(SEED_ANN)
    _, ben = key(SEED_BEN)
    offer, answer = sdp(FP_ANN), sdp(FP_BEN).replace("actpass", "active")
    a, b = (ANN, ann, FP_ANN), (BEN, ben, FP_BEN)
    json.dump({
        "about": "What identity computes (LINK.md, section 8), computed with Python's cryptography by scripts/identity_vectors.py. Keys, signatures, nonces and commits are in base64url, the rest in hexadecimal.",
        "keys": [{"name": n, "seed": s.hex(), "key": b64(k)} for n, s, k in [("Ann", SEED_ANN, ann), ("Ben", SEED_BEN, ben)]],
        "descriptions": [
            description("an offer", SEED_ANN, ANN, BEN, "offer", 1, 1, offer, offer, FP_ANN),
            description("the answer to it", SEED_BEN, BEN, ANN, "answer", 1, 1, offer, answer, FP_BEN),
            description("large numbers", SEED_ANN, ANN, BEN, "offer", 2**32 - 1, 2**31, offer, offer, FP_ANN),
            description("text beyond ASCII", SEED_BEN, BEN, ANN, "answer", 7, 2, offer.replace("s=-", "s=ö 会"), answer.replace("s=-", "s=🐘"), FP_BEN),
        ],
        "hellos": [hello("Ann's", SEED_ANN, ANN, BEN, 1, FP_ANN, FP_BEN, ben), hello("Ben's", SEED_BEN, BEN, ANN, 1, FP_BEN, FP_ANN, ann)],
        "codes": [
            code("two members", a, b, sha(b"nonce a"), sha(b"nonce b")),
            code("other nonces", a, b, bytes(32), b"\xff" * 32),
            code("another certificate", a, (BEN, ben, FP_ANN), sha(b"nonce a"), sha(b"nonce b")),
            code("another room", a, b, sha(b"nonce a"), sha(b"nonce b"), "lobby"),
        ],
        "refused": refused(),
        "weak": weak(),
        "fingerprints": fingerprints(),
        "proofs": proofs(),
    }, open(1, "w", closefd=False), ensure_ascii=False, indent=1)
    print()


if __name__ == "__main__":
    main()
