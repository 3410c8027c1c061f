"""Packages that are wrong in one place: `dlx inspect` has to refuse each, and its sentence to name what is wrong."""

import json
import shutil
import struct

from coremltools.proto import MIL_pb2

from coreml_peer import ours
from coreml_peer.package import Package


def _block(spec, name=None):
    functions = spec.mlProgram.functions
    f = functions[name or sorted(functions)[0]]
    return f.block_specializations[f.opset]


def _described(spec):
    return spec.description.functions[0] if spec.description.functions else spec.description


def _first_name(spec):
    d = _described(spec)
    return getattr(d, "name", "") or "main"


def _values(spec):
    """Every Value of the first function that is in weight.bin."""
    for op in _block(spec, _first_name(spec)).operations:
        yield from (v for v in op.attributes.values() if v.HasField("blobFileValue"))
        for argument in op.inputs.values():
            for b in argument.arguments:
                if b.WhichOneof("binding") == "value" and b.value.HasField("blobFileValue"):
                    yield b.value


def _named_op(spec):
    """The last operation with an argument by name."""
    return [op for op in _block(spec, _first_name(spec)).operations
            if op.outputs and any(a.arguments[0].name for a in op.inputs.values())][-1]


# ---- changes of the specification

def _input_name(spec):
    _described(spec).input[0].name += "_other"


def _input_shape(spec):
    shape = _described(spec).input[0].type.multiArrayType.shape
    shape[len(shape) - 1] += 1


def _input_type(spec):
    _described(spec).input[0].type.multiArrayType.dataType = 65600


def _output_left_out(spec):
    del _described(spec).output[0]


def _state_as_input(spec):
    d = _described(spec)
    feature = d.input.add(name=d.state[0].name)
    feature.type.multiArrayType.CopyFrom(d.state[0].type.stateType.arrayType)
    del d.state[0]


def _default_function(spec):
    spec.description.defaultFunctionName = "nobody"


def _wrong_order(spec):
    block = _block(spec, _first_name(spec))
    last = _named_op(spec)
    moved = type(last)()
    moved.CopyFrom(last)
    rest = [op for op in block.operations if op is not last and list(op.outputs) != list(last.outputs)]
    del block.operations[:]
    block.operations.extend([moved] + rest)


def _duplicate(spec):
    block = _block(spec, _first_name(spec))
    made = [op for op in block.operations if op.outputs]
    made[-1].outputs[0].name = made[0].outputs[0].name


def _opset(spec):
    name = _first_name(spec)
    f = spec.mlProgram.functions[name]
    f.block_specializations["CoreML77"].CopyFrom(f.block_specializations[f.opset])
    f.opset = "CoreML77"


def _missing_value(spec):
    argument = next(a for a in _named_op(spec).inputs.values() if a.arguments[0].name)
    argument.arguments[0].name = "ghost"


def _never_computed(spec):
    _block(spec, _first_name(spec)).outputs[0] = "never"


def _other_type(spec):
    next(_values(spec)).type.tensorType.dataType = 31


def _other_offset(spec):
    next(_values(spec)).blobFileValue.offset += 1


def _far_offset(spec):
    next(_values(spec)).blobFileValue.offset = 1 << 40


def _other_file(spec):
    next(_values(spec)).blobFileValue.fileName = "@model_path/../../weight.bin"


def _rank(spec):
    _named_op(spec).outputs[0].type.tensorType.rank += 1


def _no_constant(spec):
    op = next(op for op in _block(spec, _first_name(spec)).operations if op.type == "const")
    del op.attributes["val"]


def _deep(spec):
    block = MIL_pb2.Block()
    for _ in range(48):
        outer = MIL_pb2.Block()
        outer.operations.add(type="cond").blocks.add().CopyFrom(block)
        block = outer
    _block(spec, _first_name(spec)).operations.insert(0, MIL_pb2.Operation(type="cond", blocks=[block]))


def _op(spec, kind):
    return next(op for op in _block(spec, _first_name(spec)).operations if op.type == kind)


def _unknown_operation(spec):
    _op(spec, "silu").type = "gelu"


def _parameter_named_otherwise(spec):
    inputs = _op(spec, "linear").inputs
    inputs["weights"].CopyFrom(inputs["weight"])
    del inputs["weight"]


def _result_of_another_type(spec):
    _op(spec, "silu").outputs[0].type.tensorType.dataType = MIL_pb2.FLOAT32


def _result_of_another_shape(spec):
    _op(spec, "silu").outputs[0].type.tensorType.dimensions[1].constant.size += 1


def _other_metadata(spec):
    spec.description.metadata.userDefined["dlx.n_heads_kv"] = "77"


def _other_author(spec):
    spec.description.metadata.author = "somebody"  # no rule reads it but the hash of all bytes


SPECIFICATION = [
    ("input named otherwise", _input_name, "which the program does not have"),
    ("input of another shape", _input_shape, "the description says"),
    ("input of another type", _input_type, "the description says"),
    ("output not described", _output_left_out, "which the description does not name"),
    ("state described as input", _state_as_input, "the description says"),
    ("default function not there", _default_function, "the default"),
    ("order of operations", _wrong_order, "is made only behind it"),
    ("a name twice", _duplicate, "has the name"),
    ("opset not known", _opset, "found CoreML77"),
    ("value not there", _missing_value, "ghost, which no operation and no input makes"),
    ("output never computed", _never_computed, "never is never computed"),
    ("weights of another type", _other_type, "found a record of"),
    ("offset of weights", _other_offset, "expected a record at a multiple of 64"),
    ("offset behind the weights", _far_offset, "expected a record at a multiple of 64"),
    ("another file of weights", _other_file, "expected weights in @model_path/weights/weight.bin"),
    ("rank", _rank, "expected a rank of"),
    ("constant without a value", _no_constant, "expected a const with a value"),
    ("nested too deep", _deep, "at most 100 deep"),
    ("operation that nobody writes", _unknown_operation, "an operation that dlx export never writes"),
    ("parameter named otherwise", _parameter_named_otherwise, "which dlx export never writes"),
    ("result of another type", _result_of_another_type, "which follows from what goes in"),
    ("result of another shape", _result_of_another_shape, "which follows from what goes in"),
    ("metadata of another model", _other_metadata, "expected the metadata dlx.n_heads_kv to be"),
    ("other bytes", _other_author, "expected the bytes that the identifier"),
]


# ---- changes of weight.bin; at: of the first record that is used

def _patch(at, form, value):
    def change(data, record):
        struct.pack_into(form, data, record + at, value)
    return change


def _count(data, record):
    struct.pack_into("<I", data, 0, 0)


def _padding(data, record):
    struct.pack_into("<Q", data, record + 24, struct.unpack_from("<Q", data, record + 24)[0] ^ 3)


def _cut(data, record):
    del data[record + 64:]


WEIGHTS = [
    ("sentinel", _patch(0, "<I", 0xDEADBEEE), "expected the sentinel"),
    ("type of a record", _patch(4, "<I", 2), "found a record of f32"),
    ("unknown type of a record", _patch(4, "<I", 99), "has the unknown type 99"),
    ("size of a record", _patch(8, "<Q", 1), "found a record of 1"),
    ("data not aligned", _patch(16, "<Q", 129), "expected data at a multiple of 64"),
    ("data behind the end", _patch(16, "<Q", 1 << 40), "the file is cut off or damaged"),
    ("weights cut off", _cut, "of weight.bin"),
    ("number of records", _count, "expected at least the"),
    ("padding", _padding, "bits of padding"),
]

# ---- changes of the manifest, and of files


def _version(m):
    m["fileFormatVersion"] = "2.0.0"


def _root(m):
    m["rootModelIdentifier"] = "nobody"


def _path(path):
    def change(m):
        m["itemInfoEntries"][m["rootModelIdentifier"]]["path"] = path
    return change


def _no_field(m):
    del m["itemInfoEntries"][m["rootModelIdentifier"]]["author"]


MANIFEST = [
    ("version of the manifest", _version, "expected fileFormatVersion 1.0.0"),
    ("root that is no item", _root, "rootModelIdentifier"),
    ("absolute path", _path("/etc/hostname"), "expected a path inside the package"),
    ("path that leads out", _path("../../x"), "expected a path inside the package"),
    ("item that is not there", _path("com.apple.CoreML/nobody"), "is not there"),
    ("item without a field", _no_field, "author"),
]


def _copies(source, room):
    """(name, words, path of a package with one change)"""
    path = room / "mutated.mlpackage"
    original = Package(source)

    def fresh():
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(source, path)
        return Package(path)
    for name, change, words in SPECIFICATION:
        if change is _state_as_input and not _described(original.spec).state:
            continue
        if change is _default_function and not original.spec.description.functions:
            continue
        if change in (_other_type, _other_offset, _far_offset, _other_file) and not list(_values(original.spec)):
            continue
        p = fresh()
        change(p.spec)
        p.model_path.write_bytes(p.spec.SerializeToString())
        yield name, words, path
    for name, change, words in WEIGHTS if original.blob else []:
        p = fresh()
        data = bytearray(p.blob)
        change(data, next(_values(p.spec)).blobFileValue.offset)
        (p.weights_folder / "weight.bin").write_bytes(data)
        yield name, words, path
    for name, change, words in MANIFEST:
        fresh()
        manifest = json.loads((path / "Manifest.json").read_text())
        change(manifest)
        (path / "Manifest.json").write_text(json.dumps(manifest))
        yield name, words, path
    p = fresh()
    p.model_path.write_bytes(p.model_path.read_bytes()[:-7])
    yield "specification cut off", "does not end inside its message", path
    p = fresh()
    (path / "Manifest.json").unlink()
    yield "no manifest", "a folder with Manifest.json in it", path


def rows(source, room):
    """The number of changes that were accepted, or refused for another reason."""
    wrong = n = 0
    for name, words, path in _copies(source, room):
        n += 1
        done = ours.run(ours.dlx, "inspect", path, "--json")
        if done.returncode != 1 or words not in done.stderr:
            wrong += 1
            print(f"  {name}: expected \"{words}\", found {done.returncode} {done.stderr.strip()} WRONG")
    print(f"  {source.name}: {n} changes{'' if wrong else ', each of them named'}", flush=True)
    return wrong
