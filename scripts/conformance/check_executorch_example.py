"""examples/android: the C++ part is built against the stock package and decodes what `dlx run` decodes; the Java part compiles.

Every block-diffusion golden, prompts that end within a block and at its end: the same ids from block_decode on the program as
from dlx on the model itself.
"""

import json
import pathlib
import shutil
import sys
import tempfile

from executorch_peer import installed, ours

EXAMPLE = installed.ROOT / "examples/android"
MODELS = ["sdar-tiny-b4", "sdar-tiny-b8", "sdar-tiny-b4-tied", "fast-dllm-v2-tiny", "fast-dllm-v2-tiny-tied"]
PROMPTS = [11, 16, 32, 45]
MAX_TOKENS = 40


def build(room):
    configured = ours.run("cmake", "-S", EXAMPLE / "cpp", "-B", room, f"-DDLX_EXECUTORCH={installed.package()}")
    built = configured.returncode or ours.run("cmake", "--build", room).returncode
    if built:
        raise RuntimeError("block_decode cannot be built: " + configured.stderr.strip()[-300:])
    return room / "block_decode"


def answers(dlx, decode, model, program, n_prompt):
    prompt = ",".join(str((i * 37 + 11) % 250) for i in range(n_prompt))
    done = ours.run(dlx, "run", model, "--raw", "--ids", prompt, "--max-tokens", MAX_TOKENS, "--json")
    want = json.loads(done.stdout)["ids"]
    theirs = ours.run(decode, program, prompt, MAX_TOKENS)
    if theirs.returncode:
        raise RuntimeError(theirs.stderr.strip()[-300:])
    return want, [int(x) for x in theirs.stdout.strip().split(",") if x]


def check_answers(dlx, room):
    decode = build(room / "build")
    wrong = 0
    for name in MODELS:
        model, program = installed.ROOT / "tests/golden" / name, room / "model.pte"
        exported = ours.run(dlx, "export", model, program, "--ctx", 128, "-q")
        if exported.returncode:
            raise RuntimeError(exported.stderr.strip())
        same = 0
        for n_prompt in PROMPTS:
            want, found = answers(dlx, decode, model, program, n_prompt)
            same += want == found
        wrong += len(PROMPTS) - same
        print(f"  {name:24} {same} of {len(PROMPTS)} answers are those of dlx run")
    return wrong


def check_java(room):
    javac = shutil.which("javac")
    if not javac:
        print("  no javac here: the Java file was not compiled")
        return 0
    signatures = pathlib.Path(__file__).parent / "java_signatures"
    sources = sorted(EXAMPLE.glob("java/**/*.java")) + sorted(signatures.glob("**/*.java"))
    done = ours.run(javac, "-Xlint:all", "-Werror", "-d", room / "classes", *sources)
    print("  the Java file compiles" if done.returncode == 0 else "  javac: " + done.stderr.strip())
    return done.returncode != 0


def main():
    dlx = pathlib.Path(sys.argv[1]).resolve()
    if not installed.ready(dlx, "executorch_example"):
        return installed.SKIPPED
    with tempfile.TemporaryDirectory() as name:
        wrong = check_answers(dlx, pathlib.Path(name)) + check_java(pathlib.Path(name))
    print("executorch example:", f"{wrong} WRONG" if wrong else "every answer is that of dlx")
    return 1 if wrong else 0


sys.exit(main())
