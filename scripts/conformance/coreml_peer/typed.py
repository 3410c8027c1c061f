"""What coremltools and protoc say of a package: every operation is loaded and its type inferred anew."""

import logging
import os
import shutil
import subprocess
import sys

logging.disable(logging.WARNING)
import coremltools as ct  # noqa: E402
from coremltools.converters.mil.frontend.milproto.helper import proto_to_types  # noqa: E402
from coremltools.converters.mil.frontend.milproto.load import load  # noqa: E402
from coremltools.converters.mil.mil import types  # noqa: E402


def operations(package):
    """Loads the package, compares types declared and inferred; the number of operations."""
    spec = ct.models.MLModel(str(package.path), skip_model_load=True).get_spec()
    program = load(spec, spec.specificationVersion, file_weights_dir=str(package.weights_folder))
    n = 0
    for name, function in package.functions.items():
        inferred = {v.name: v.sym_type for op in program.functions[name].operations for v in op.outputs}
        for op in function.block_specializations[function.opset].operations:
            n += 1
            for out in op.outputs:
                if out.name in inferred and op.type != "const":
                    _compare(f"{name}/{out.name}", proto_to_types(out.type), inferred[out.name])
    return n


def _compare(where, declared, inferred):
    if not (types.is_tensor(declared) and types.is_tensor(inferred)):
        return
    a, b = list(declared.get_shape()), list(inferred.get_shape())
    if a != b or declared.get_primitive() != inferred.get_primitive():
        raise ValueError(f"{where}: declared {declared.__type_info__()}, inferred {inferred.__type_info__()}")


def _protoc():
    """protoc of the system, or of grpcio-tools; None: neither."""
    if shutil.which("protoc"):
        return ["protoc"]
    found = subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "--version"], capture_output=True)
    return [sys.executable, "-m", "grpc_tools.protoc"] if found.returncode == 0 else None


PROTOC = _protoc()


def decode_raw(package):
    """protoc reads the specification without knowing what it is; None: there is no protoc."""
    if PROTOC is None:
        return None
    done = subprocess.run(PROTOC + ["--decode_raw"], stdin=open(package.model_path, "rb"), stdout=open(os.devnull, "wb"))
    return done.returncode == 0
