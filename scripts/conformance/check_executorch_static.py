"""Static int8 and weight-only int8 programs in the stock ExecuTorch runtime, against our own arithmetic of them.

Every family on the goldens, calibrated on random texts, keys and values inside, outside and nowhere: the runtime's logits
against the reference backend's on `dlx export --stage rounded`, which holds the program's weights and computes the same
integers. executorch_peer/borders.py says what may differ. flatc of the wheel parses every payload."""

import pathlib
import sys
import tempfile

from executorch_peer import borders, flatc, installed, ours, ranged

FAMILIES = ["fast-dllm-v2-tiny", "dream-tiny", "llada-tiny", "sdar-tiny-b4", "dream-tied", "llada-gqa-sharded",
            "sdar-tiny-b8", "sdar-tiny-b4-tied", "fast-dllm-v2-tiny-tied", "ar-llama-tiny", "ar-qwen2-tiny", "ar-qwen3-tiny"]
LISTS = [[(i * 37 + 11 + 53 * seed) % 250 for i in range(29)] for seed in range(5)]


def check(model, family, scheme, cache, wants, room):
    """The program, and is it right?"""
    program = ours.export(model, room / f"{family}-{scheme}-{cache}.pte", "--dtype", "int8", "--scheme", scheme, "--cache",
                          cache, "--ctx", 64)
    far = [ours.distance(ours.logits(program, ids, room), want) for ids, want in zip(LISTS, wants)]
    good, text = borders.judge(far)
    good = good and (scheme == "static" or max(far) <= borders.BOUND)
    print(f"  {family:24} {scheme:11} {cache:6} {text}{'' if good else ' WRONG'}", flush=True)
    return program, good


def main():
    ours.dlx = pathlib.Path(sys.argv[1]).resolve()
    if not installed.ready(ours.dlx, "executorch_static"):
        return installed.SKIPPED
    wrong, programs = 0, []
    with tempfile.TemporaryDirectory() as name:
        room = pathlib.Path(name)
        for i, family in enumerate(FAMILIES):
            model = ranged.model(installed.ROOT / "tests/golden" / family, ("minmax", "mse")[i % 2], room)
            for scheme in ("static", "weight-only"):
                rounded = ours.export(model, room / "rounded.gguf", "--dtype", "int8", "--scheme", scheme, "--stage", "rounded")
                wants = [ours.logits(rounded, ids, room, "--backend", "reference") for ids in LISTS]
                for cache in ["state", "io"] + ["none"] * family.startswith(("dream", "llada")):
                    program, good = check(model, family, scheme, cache, wants, room)
                    programs.append(program)
                    wrong += not good
        wrong += flatc.parse(room, installed.package(), programs)
    print("executorch_static:", f"{wrong} WRONG" if wrong else "programs compute our integers; flatc parses every file")
    return 1 if wrong else 0


sys.exit(main())
