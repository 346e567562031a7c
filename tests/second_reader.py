"""Reads a log by ace-log(5) alone: second_reader.py LOG [BLOBS]. Exit 0 if it is whole, else 65 and the first bad line."""
import hashlib, json, os, sys

def blobs(value):
    """The (hash, length) pairs that an event names; arguments and provider extras name nothing."""
    if isinstance(value, dict):
        if isinstance(value.get("sha"), str) and isinstance(value.get("bytes"), int):
            yield value["sha"], value["bytes"]
        for key, inner in value.items():
            yield from () if key in ("args", "_meta") else blobs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from blobs(inner)

def check(raw, line, last):
    first = last is None
    origin = (line["data"].get("forked_from") or {}) if first else {}
    assert not first or line["type"] == "session.created", "does not begin with session.created"
    assert len(raw) < 65536, "too long"
    assert line["v"] == 1, "another version"
    assert line["seq"] == (origin.get("seq", 0) if first else last["seq"]) + 1, "seq"
    assert line["prev"] == (origin.get("hash", "0" * 64) if first else last["hash"]), "prev"
    assert first or line["session"] == last["session"], "another session"
    named = list(blobs(line["data"]))
    if line["type"] in ("context.built", "tool.discovered"):
        named += [(line["data"][k], None) for k in ("system", "tools", "schema") if line["data"].get(k)]
    for sha, size in named if len(sys.argv) > 2 else []:
        blob = open(os.path.join(sys.argv[2], sha), "rb").read()
        assert hashlib.sha256(blob).hexdigest() == sha and size in (None, len(blob)), "blob " + sha
    return {"seq": line["seq"], "session": line["session"], "hash": hashlib.sha256(raw).hexdigest()}

last, rest = None, open(sys.argv[1], "rb").read().split(b"\n")
for number, raw in enumerate(rest[:-1], 1):
    try:
        last = check(raw, json.loads(raw.decode()), last)
    except (AssertionError, ValueError, KeyError, OSError) as fault:
        sys.exit(print(f"line {number}: {fault}") or 65)
sys.exit(0 if last and not rest[-1] else print("torn or empty") or 65)
