"""Every family, type and form of the cache on the goldens: the stock runtime's logits against the reference backend's, on the
weights that the program holds and with rows rounded as the program rounds them."""

from executorch_peer import borders, installed, ours

FAMILIES = ["fast-dllm-v2-tiny", "dream-tiny", "llada-tiny", "sdar-tiny-b4", "dream-tied", "llada-gqa-sharded",
            "sdar-tiny-b8", "sdar-tiny-b4-tied", "ar-llama-tiny", "ar-qwen3-tiny"]
BOUND = 5e-5  # of fp32 and fp16: sums in another order
IDS = [(i * 37 + 11) % 250 for i in range(29)]
LISTS = [[(i * 37 + 11 + 13 * seed) % 250 for i in range(13)] for seed in range(4)]


def _floats(source, dtype, cache, want, room):
    program = ours.export(source, room / "model.pte", "--dtype", dtype, "--cache", cache, "--ctx", 64)
    worst = ours.distance(ours.logits(program, IDS, room), want)
    return worst <= BOUND, f"{worst:.1e}"


def _integers(source, dtype, cache, wants, room):
    program = ours.export(source, room / "model.pte", "--dtype", dtype, "--cache", cache, "--ctx", 64)
    return borders.judge([ours.distance(ours.logits(program, ids, room), want) for ids, want in zip(LISTS, wants)])


def rows(room):
    """The number of rows that are wrong."""
    wrong = 0
    for family in FAMILIES:
        source = installed.ROOT / "tests/golden" / family
        forms = ["state", "io"] + ["none"] * family.startswith(("dream", "llada"))
        for dtype in ("fp32", "fp16", "int8", "int4"):
            model = ours.export(source, room / "rounded.gguf", "--dtype", dtype, "--stage", "rounded")
            many = dtype.startswith("int")
            want = [ours.logits(model, ids, room, "--backend", "reference") for ids in (LISTS if many else [IDS])]
            for cache in forms:
                good, text = (_integers(source, dtype, cache, want, room) if many else
                              _floats(source, dtype, cache, want[0], room))
                wrong += not good
                print(f"  {family:20} {dtype} {cache:6} {text}{'' if good else ' WRONG'}", flush=True)
    return wrong
