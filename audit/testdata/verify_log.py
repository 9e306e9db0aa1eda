"""Verifies an export of Pedigree's log, and a proof, without Pedigree.

Usage: verify_log.py EXPORT PUBLIC_KEY [PROOF]

EXPORT is what `pedigree audit export` writes, PUBLIC_KEY is NAME+HASH+KEY, and PROOF is the
answer of the query auditProof as JSON. The exit code is 1 when something does not hold.
"""
import base64
import hashlib
import json
import struct
import sys
from datetime import datetime, timezone

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def canonical(entry, line):
    """The bytes of an entry that are hashed: numbers of 8 bytes, texts after their length."""
    out = bytearray()

    def number(n):
        out.extend(struct.pack(">q", n))

    def text(s):
        raw = s if isinstance(s, bytes) else s.encode()
        number(len(raw))
        out.extend(raw)

    at = datetime.fromisoformat(entry["at"].replace("Z", "+00:00")) - datetime(1970, 1, 1, tzinfo=timezone.utc)
    number(1)
    number(entry["seq"])
    number((at.days * 86400 + at.seconds) * 1_000_000 + at.microseconds)
    text(entry["actor"])
    text(entry["action"])
    objects = entry.get("objects") or []
    number(len(objects))
    for o in objects:
        text(o)
    for field in ("model", "reason", "approval", "requestId"):
        text(entry.get(field, ""))
    # The detail is hashed as it stands in the line: JSON in canonical form.
    detail = b""
    if "detail" in entry:
        start = line.index(b',"detail":') + len(b',"detail":')
        detail = line[start:line.rindex(b',"leafHash":')]
    text(detail)
    return bytes(out)


def root(leaves):
    """The root of a Merkle tree (RFC 6962, 2.1)."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha(b"\x01", root(leaves[:half]), root(leaves[half:]))


def root_of_proof(index, size, leaf, proof):
    """The root that a proof leads to (RFC 9162, 2.1.3.2)."""
    node, last, h = index, size - 1, leaf
    for p in proof:
        if node % 2 == 1 or node == last:
            h = sha(b"\x01", p, h)
            while node % 2 == 0 and node != 0:
                node, last = node >> 1, last >> 1
        else:
            h = sha(b"\x01", h, p)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise ValueError("the proof is too short")
    return h


def verified(note, public):
    """The size and the root of a signed checkpoint (c2sp.org/signed-note)."""
    name, key_hash, key = public.split("+", 2)
    raw = base64.b64decode(key, validate=True)
    if raw[:1] != b"\x01" or sha(name.encode(), b"\n", raw)[:4].hex() != key_hash:
        raise ValueError("the public key is damaged")
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    for line in signatures.splitlines():
        _, signer, signature = line.split(" ")
        blob = base64.b64decode(signature, validate=True)
        if signer == name and blob[:4].hex() == key_hash:
            Ed25519PublicKey.from_public_bytes(raw[1:]).verify(blob[4:], text.encode())
            origin, size, top = text.splitlines()[:3]
            if origin != name:
                raise ValueError("the checkpoint is of another log")
            return int(size), base64.b64decode(top, validate=True)
    raise ValueError("the checkpoint is not signed with this key")


def main(export, public, proof=None):
    lines = open(export, "rb").read().splitlines()
    leaves = []
    for line in lines[1:-1]:
        entry = json.loads(line)
        leaf = sha(b"\x00", canonical(entry, line))
        if leaf.hex() != entry["leafHash"] or entry["seq"] != len(leaves) + 1:
            raise ValueError("entry %d does not hold" % (len(leaves) + 1))
        leaves.append(leaf)
    size, top = verified(json.loads(lines[-1])["checkpoint"], public)
    if size != len(leaves) or root(leaves) != top:
        raise ValueError("the log is not that of the checkpoint")
    if proof:
        p = json.load(open(proof))
        got = root_of_proof(p["seq"] - 1, p["size"], bytes.fromhex(p["leafHash"]), [bytes.fromhex(h) for h in p["hashes"]])
        if got.hex() != p["root"] or root(leaves[:p["size"]]) != got or leaves[p["seq"] - 1].hex() != p["leafHash"]:
            raise ValueError("the proof does not hold")
    print("verified %d entries, root %s" % (size, top.hex()))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (ValueError, KeyError, InvalidSignature) as e:
        sys.exit("does not hold: %s" % (e or type(e).__name__))
