"""Where the tensors of a GGUF file lie: enough of the format to get at their bytes."""

import struct

import numpy

# Types by ggml's numbers: name, weights of a block, bytes of a block.
TYPES = {0: ("f32", 1, 4), 1: ("f16", 1, 2), 30: ("bf16", 1, 2), 8: ("q8_0", 32, 34), 2: ("q4_0", 32, 18),
         3: ("q4_1", 32, 20), 6: ("q5_0", 32, 22), 7: ("q5_1", 32, 24), 12: ("q4_k", 256, 144),
         13: ("q5_k", 256, 176), 14: ("q6_k", 256, 210)}
IDS = {name: number for number, (name, _, _) in TYPES.items()}
WIDTH_OF_BLOCK = {name: width for name, width, _ in TYPES.values()}
SIZE_OF_BLOCK = {name: size for name, _, size in TYPES.values()}
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        value, = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self):
        n = self.take("Q")
        self.at += n
        return self.data[self.at - n : self.at].decode()

    def skip(self, kind):
        if kind == _STRING:
            self.text()
        elif kind == _ARRAY:
            inner, n = self.take("I"), self.take("Q")
            for _ in range(n):
                self.skip(inner)
        else:
            self.at += _SIZES[kind]


def tensors(path):
    """{name: (type, shape with the rows first, offset in the file, bytes)} of a file of alignment 32."""
    r = _Reader(path.read_bytes())
    assert r.data[:4] == b"GGUF", path
    r.at = 8
    n_tensors, n_keys = r.take("Q"), r.take("Q")
    for _ in range(n_keys):
        r.text()
        r.skip(r.take("I"))
    found = {}
    for _ in range(n_tensors):
        name = r.text()
        shape = [r.take("Q") for _ in range(r.take("I"))][::-1]
        type_name, block, size = TYPES[r.take("I")]
        found[name] = [type_name, shape, r.take("Q"), int(numpy.prod(shape)) // block * size]
    start = (r.at + 31) // 32 * 32
    return {name: (t, shape, start + offset, n) for name, (t, shape, offset, n) in found.items()}


def packed(path, name):
    """The bytes of a tensor."""
    _, _, offset, n = tensors(path)[name]
    return numpy.fromfile(path, numpy.uint8, n, offset=offset)
