"""flatc of the wheel on every part of our files, with the wheel's schemas: program, payload, .ptd."""

import shutil
import struct

from executorch_peer import installed, ours


def _payloads(program):
    """The XNNPACK flatbuffers of a program, found by their headers."""
    data = program.read_bytes()
    at = data.find(b"XH00")
    while at >= 0:
        start = at - 4
        offset, size = struct.unpack_from("<II", data, start + 10)
        yield data[start + offset:start + offset + size]
        at = data.find(b"XH00", at + 4)


def _parses(flatc, schema, file, room):
    done = ours.run(flatc, "--json", "--raw-binary", "--strict-json", "-o", room, schema, "--", file)
    if done.returncode:
        print(f"  flatc: {file.name}: {done.stdout.strip()} {done.stderr.strip()}")
    return done.returncode == 0


def parse(room, wheel, programs):
    """The number of files that are wrong, of programs and the .ptd files beside them."""
    schemas = room / "schemas"
    schemas.mkdir()
    for name in ("schema/program.fbs", "schema/scalar_type.fbs", "backends/xnnpack/serialization/schema.fbs",
                 "extension/flat_tensor/serialize/flat_tensor.fbs", "extension/flat_tensor/serialize/scalar_type.fbs"):
        if (wheel / name).exists():
            shutil.copy(wheel / name, schemas)
    n = good = 0
    for program in programs:
        files = [("program.fbs", program)]
        if program.with_suffix(".ptd").exists():
            files.append(("flat_tensor.fbs", program.with_suffix(".ptd")))
        for i, bytes_ in enumerate(_payloads(program)):
            payload = room / f"{program.stem}-{i}.xnn"
            payload.write_bytes(bytes_)
            files.append(("schema.fbs", payload))
        for schema, file in files:
            n += 1
            good += _parses(wheel / "data/bin/flatc", schemas / schema, file, room)
    print(f"  flatc parses {good} of {n} files")
    return n - good


def rows(room, wheel):
    """The number of files that are wrong."""
    programs = [ours.export(installed.ROOT / "tests/golden/sdar-tiny-b4", room / f"{dtype}.pte", "--dtype", dtype, "--ctx", 64, "--data",
                            room / f"{dtype}.ptd") for dtype in ("fp32", "fp16", "int8", "int4")]
    return parse(room, wheel, programs)
