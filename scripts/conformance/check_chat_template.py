"""Jinja2 against `dlx tokenize --chat`, on every chat template that the repository holds."""

import json
import pathlib
import subprocess
import sys
import tempfile

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONVERSATIONS = [
    [{"role": "user", "content": "Hello"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " spaced \n"}],
    [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "ü"}],
]


def raise_exception(message):
    raise jinja2.TemplateError(message)


def template_of(folder):
    path = folder / "chat_template.jinja"
    if path.exists():
        return path.read_text(encoding="utf-8"), {}
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    names = {k: v if isinstance(v, str) else v.get("content") for k, v in config.items()
             if k in ("bos_token", "eos_token") and v}
    return config.get("chat_template"), names


def main():
    dlx = sys.argv[1]
    wrong = n = 0
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = raise_exception
    folders = sorted({p.parent for top in ("models", "tests") for p in (ROOT / top).rglob("tokenizer_config.json")})
    for folder in folders:
        text, names = template_of(folder)
        if not isinstance(text, str):
            continue
        template = environment.from_string(text)
        for messages in CONVERSATIONS:
            want = template.render(messages=messages, add_generation_prompt=True, **names)
            with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                json.dump(messages, file)
                file.flush()
                got = subprocess.run([dlx, "tokenize", str(folder), "--chat", file.name],
                                     capture_output=True, check=True).stdout.decode()
            n += 1
            if got != want:
                wrong += 1
                print(f"{folder.relative_to(ROOT)}: expected {want!r}, found {got!r}")
    print("chat templates:", f"{n} renderings agree" if not wrong else f"{wrong} of {n} differ")
    return 1 if wrong else 0


sys.exit(main())
