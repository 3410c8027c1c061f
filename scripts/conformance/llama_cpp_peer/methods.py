"""Files whose weights were calibrated: scales that moved into norms, handed-on errors and our own keys are nothing to llama.cpp."""

from llama_cpp_peer import models, ours, vocabularies

CALIBRATED = ["--calibrate", vocabularies.ROOT / "README.md", "--texts", "4", "--positions", "64"]
N_IDS = 24
WAYS = [("awq", "q4_0", []), ("gptq", "q4_k", []), ("awq-gptq", "q4_1", ["--group", "128"]),
        ("gptq", "q5_0", ["--per-channel"]), ("awq-gptq", "q8_0", ["--scheme", "static"])]


def rows(folder):
    subjects = []
    for seed, family in enumerate(["dream", "llada", "llama"]):
        path, _ = vocabularies.make(folder / f"calibrated-{family}", family, 90 + seed, "qwen2")
        subjects.append(models.Subject(family, path, list(range(N_IDS)), family == "llama", models.WIDE))
    file = folder / "calibrated.gguf"
    for method, type_name, options in WAYS:
        def write(s, type_name, method=method, options=options):
            ours.quantize(s.path, file, type_name, "--method", method, *CALIBRATED, *options)
            return file
        models.judge(f"{method} by dlx", type_name, subjects, write, folder)
