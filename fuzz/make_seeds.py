#!/usr/bin/env python3
"""Writes the seed files of corpus/{safetensors,gguf,npy}. Needs the standard library only.

    fuzz/make_seeds.py            # rewrites the seeds beside this script
"""
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent / "corpus"


def put(kind, name, data):
    folder = HERE / kind
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def safetensors(header, n_data, pad=True):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    if pad:
        text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes(range(256))[:n_data]


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def make_safetensors():
    put("safetensors", "one", safetensors({"w": entry("F32", [2, 3], 0, 24)}, 24))
    put("safetensors", "three", safetensors({
        "__metadata__": {"format": "pt"}, "b": entry("BF16", [4], 8, 16),
        "a": entry("F16", [2, 2], 0, 8), "s": entry("F32", [], 16, 20)}, 20))
    put("safetensors", "empty", safetensors({}, 0))
    put("safetensors", "zero-rows", safetensors({"z": entry("F32", [0, 5], 0, 0), "w": entry("F16", [1], 0, 2)}, 2))
    put("safetensors", "overlap", safetensors({"a": entry("F16", [2], 0, 4), "b": entry("F16", [2], 2, 6)}, 6))
    put("safetensors", "hole", safetensors({"a": entry("F16", [2], 0, 4), "b": entry("F16", [2], 6, 10)}, 10))
    put("safetensors", "huge-shape", safetensors({"a": entry("F32", [2**32, 2**32, 2**32], 0, 0)}, 0))
    put("safetensors", "twice", safetensors(
        b'{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}', 2))
    put("safetensors", "integers", safetensors({"a": entry("I64", [1], 0, 8)}, 8))


def text(s):
    s = s.encode() if isinstance(s, str) else s
    return struct.pack("<Q", len(s)) + s


SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}


def kv(key, kind, value):
    head = text(key) + struct.pack("<I", kind)
    if kind == 8:
        return head + text(value)
    if kind == 9:
        inner, values = value
        body = b"".join(text(v) if inner == 8 else struct.pack(SCALARS[inner], v) for v in values)
        return head + struct.pack("<IQ", inner, len(values)) + body
    return head + struct.pack(SCALARS[kind], value)


def tensor(name, dims, kind, offset):
    return text(name) + struct.pack("<I", len(dims)) + struct.pack("<%dQ" % len(dims), *dims) + struct.pack("<IQ", kind, offset)


def gguf(kvs, tensors, n_data, version=3, alignment=32):
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(kvs)) + b"".join(kvs) + b"".join(tensors)
    head += bytes(-len(head) % alignment)
    return head + (bytes(range(256)) * 8)[:n_data]


def make_gguf():
    every = [kv("k%d" % k, k, 1) for k in SCALARS]
    every += [kv("text", 8, "qwen2"), kv("texts", 9, (8, ["a", "", "bc"])), kv("numbers", 9, (5, [1, -2, 3])),
              kv("reals", 9, (6, [0.5, 1.5])), kv("flags", 9, (7, [True, False]))]
    put("gguf", "keys", gguf(every, [], 0))
    put("gguf", "version2", gguf([kv("general.architecture", 8, "dream")], [], 0, version=2))
    types = [(0, 4, 16), (1, 4, 8), (30, 4, 8), (2, 32, 18), (3, 32, 20), (6, 32, 22), (7, 32, 24), (8, 32, 34),
             (12, 256, 144), (13, 256, 176), (14, 256, 210)]
    tensors, at = [], 0
    for kind, n, size in types:
        tensors.append(tensor("t%d.weight" % kind, [n], kind, at))
        at += -(-size // 32) * 32
    put("gguf", "types", gguf([kv("general.architecture", 8, "llada")], tensors, at))
    put("gguf", "matrix", gguf([kv("general.alignment", 4, 64)], [tensor("m", [2, 3], 0, 0)], 24, alignment=64))
    put("gguf", "alignment0", gguf([kv("general.alignment", 4, 0)], [tensor("m", [2], 0, 0)], 8))
    put("gguf", "twice", gguf([kv("a", 4, 1), kv("a", 4, 2)], [tensor("m", [2], 0, 0), tensor("m", [2], 0, 32)], 64))
    put("gguf", "nested", gguf([text("a") + struct.pack("<IIQ", 9, 9, 1) + struct.pack("<IQB", 0, 1, 7)], [], 0))
    put("gguf", "counts", b"GGUF" + struct.pack("<IQQ", 3, 2**64 - 1, 2**63))
    put("gguf", "huge-dims", gguf([], [tensor("m", [2**40, 2**40], 0, 0)], 0))


def npy(header, data, version=1):
    text_ = header.encode() + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(text_))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text_ + data


def make_npy():
    put("npy", "f4", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", bytes(24)))
    put("npy", "i8", npy("{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", bytes(16), 2))
    put("npy", "scalar", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", bytes(8)))
    put("npy", "order", npy("{'shape': (1,), 'fortran_order': True, 'descr': '<i4'}", bytes(4)))
    put("npy", "fortran", npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", bytes(16)))
    put("npy", "huge", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296), }", b""))


make_safetensors()
make_gguf()
make_npy()
