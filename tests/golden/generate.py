#!/usr/bin/env python3
"""Writes golden.json beside this file, without catga: pip install xxhash; ./generate.py"""

import json
import pathlib

import xxhash

PARTITIONS = 32

KEYS = [
    # Nothing, and what is easily taken for nothing.
    "", " ", "0", "-", "\t", "\n", "\0", "null", "None",
    # Letters.
    "a", "b", "ab", "ba", "abc", "A", "foobar", "order-1", "order-2", "order-7", "customer.42",
    "eu/berlin", "2026-01-31T12:00:00Z", "550e8400-e29b-41d4-a716-446655440000",
    'quote"quote', "back\\\\slash", "true", "false",
    # Numbers, in decimal digits.
    "1", "7", "42", "-1", "-7", "255", "65535", "2147483647", "-2147483648", "4294967295",
    "9007199254740993", "9223372036854775807", "-9223372036854775808", "18446744073709551615",
    "340282366920938463463374607431768211455",
    # Not ASCII: two, three and four bytes, a combining mark, right to left, a joined sequence.
    "ß", "größe", "naïve", "nai\u0308ve", "Ω", "заказ-7", "注文", "주문", "طلب", "🦀", "👩‍🚀", "\u00ff", "\uffff",
    # Several parts, joined by U+001F; a separator or backslash within a part is escaped.
    "acme\u001f7", "acme\u001f\u001f7", "\u001f", "\u001fa", "a\u001f", "a\\\u001fb", "a\\\\\u001fb",
    "a\u001f\\\\b", "a\\\\\\\u001f\u001fb", "größe\u001f-7\u001f🦀",
    # Lengths around those at which XXH3 changes its way, and a long one.
    *("k" * length for length in (3, 4, 8, 9, 15, 16, 17, 31, 32, 127, 128, 129, 240, 241, 1024, 1025)),
    "0123456789" * 1024, "größe" * 1463,
]


def fnv1a32(data: bytes) -> int:
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 % 2**32
    return value


def vector(key: str) -> dict:
    data = key.encode("utf-8")
    fnv = fnv1a32(data)
    return {
        "key": key,
        "fnv1a32": fnv,
        "partition": fnv % PARTITIONS,
        "xxh3": str(xxhash.xxh3_64_intdigest(data, seed=0)),
    }


assert len(set(KEYS)) == len(KEYS)
golden = {"partitions": PARTITIONS, "vectors": [vector(key) for key in KEYS]}
lines = ",\n    ".join(json.dumps(vector, ensure_ascii=True) for vector in golden["vectors"])
text = f'{{\n  "partitions": {PARTITIONS},\n  "vectors": [\n    {lines}\n  ]\n}}\n'
assert json.loads(text) == golden
pathlib.Path(__file__).with_name("golden.json").write_text(text, encoding="ascii")
print(f"{len(KEYS)} vectors")
