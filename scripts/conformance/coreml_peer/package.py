"""A package from its bytes: the manifest, the specification by protobuf's own reader, records of weights as numbers.

All floating-point numbers are widened to float32, so that a difference is one of the graph or of the weights and not of
rounding."""

import json
import pathlib
import struct

import numpy as np
from coremltools.proto import Model_pb2

BLOB = "@model_path/weights/weight.bin"
FLOAT16, FLOAT32, INT4, UINT4 = 10, 11, 25, 35
# MIL's type code: (code in weight.bin, numpy's type)
TYPES = {FLOAT16: (1, "<f2"), FLOAT32: (2, "<f4"), 31: (3, "u1"), 21: (4, "i1"), 22: (6, "<i2"), 32: (7, "<u2"), INT4: (8, None),
         UINT4: (11, None), 23: (14, "<i4"), 33: (15, "<u4")}


def shape_of(value_type):
    return [d.constant.size for d in value_type.tensorType.dimensions]


def _nibbles(raw, n, signed):
    """Four bits each, the low ones of a byte first."""
    packed = np.frombuffer(raw, np.uint8)
    x = np.stack([packed & 15, packed >> 4], 1).reshape(-1)[:n].astype(np.int32)
    return np.where(x > 7, x - 16, x) if signed else x


def _numbers(raw, code, shape):
    n = int(np.prod(shape, dtype=np.int64))
    if code in (INT4, UINT4):
        return _nibbles(raw, n, code == INT4).reshape(shape)
    x = np.frombuffer(raw, TYPES[code][1], n).reshape(shape)
    return x.astype(np.float32) if code == FLOAT16 else x


class Package:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        manifest = json.loads((self.path / "Manifest.json").read_text())
        items = manifest["itemInfoEntries"]
        self.model_path = self.path / "Data" / items[manifest["rootModelIdentifier"]]["path"]
        self.weights_folder = self.model_path.parent / "weights"
        self.spec = Model_pb2.Model.FromString(self.model_path.read_bytes())
        blob = self.weights_folder / "weight.bin"
        self.blob = blob.read_bytes() if blob.exists() else b""
        self.records = set()  # offsets that were read
        self.functions = self.spec.mlProgram.functions

    def features(self, function):
        """The names of inputs, outputs and states as the description has them."""
        for f in self.spec.description.functions:
            if f.name == function:
                return [[x.name for x in part] for part in (f.input, f.output, f.state)]
        d = self.spec.description
        return [[x.name for x in part] for part in (d.input, d.output, d.state)]

    def offsets(self, function):
        """The records of weights that a function names."""
        f = self.functions[function]
        found = set()
        for op in f.block_specializations[f.opset].operations:
            values = list(op.attributes.values())
            values += [b.value for a in op.inputs.values() for b in a.arguments if b.WhichOneof("binding") == "value"]
            found |= {v.blobFileValue.offset for v in values if v.HasField("blobFileValue")}
        return found

    def constant(self, value):
        """A Value message as a numpy array, or a list of texts."""
        code, shape = value.type.tensorType.dataType, shape_of(value.type)
        if value.WhichOneof("value") == "blobFileValue":
            return self._record(value.blobFileValue, code, shape)
        tensor = value.immediateValue.tensor
        kind = tensor.WhichOneof("value")
        values = getattr(tensor, kind).values
        if kind == "strings":
            return values[0]
        if kind == "bytes":
            return _numbers(values, code, shape)
        types = {"floats": np.float32, "bools": bool, "ints": np.int32, "longInts": np.int64, "doubles": np.float64}
        return np.array(values, types[kind]).reshape(shape)

    def _record(self, reference, code, shape):
        if reference.fileName != BLOB:
            raise ValueError(f"weights in {reference.fileName}")
        at = reference.offset
        sentinel, stored, size, begin, _ = struct.unpack_from("<IIQQQ", self.blob, at)
        if sentinel != 0xDEADBEEF or stored != TYPES[code][0]:
            raise ValueError(f"record at {at}: sentinel {sentinel:x}, type {stored}")
        self.records.add(at)
        return _numbers(self.blob[begin:begin + size], code, shape)

    def announced(self):
        """How many records weight.bin says it has."""
        return struct.unpack_from("<I", self.blob)[0]
