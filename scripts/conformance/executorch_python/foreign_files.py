"""Files of the official exporter in `dlx inspect`: it reads each, and says what Python knows of it."""

from executorch_python import command


def told(tensor):
    return {k: tensor[k] for k in ("type", "shape", "dynamic")}


def delegates(method):
    """What dlx says of each delegate of XNNPACK has to be there too: it read the graph."""
    return [d["backend"] if d["backend"] != "XnnpackBackend" or d["nodes"] else "an XNNPACK graph that was not read"
            for d in method["delegates"]]


def facts_of(method):
    """A method by dlx, as inside/export_files.py tells it."""
    return {"name": method["name"], "inputs": [told(t) for t in method["inputs"]],
            "outputs": [told(t) for t in method["outputs"]],
            "operators": {o["name"]: o["calls"] for o in method["operators"]}, "delegates": delegates(method),
            "values": method["values"], "steps": method["steps"],
            "delegate_calls": sum(d["calls"] for d in method["delegates"]), "arenas": method["arenas"]}


def differences(answer):
    """Sentences on one file."""
    data = ["--data", answer["data"]] if answer["data"] else []
    report = command.inspect(answer["file"], *data)
    command.call("inspect", answer["file"], "--tensors", *data)
    constant = {p["name"]: p["outputs"] for p in answer["plans"] if not p["inputs"] and not p["steps"]}
    want = {n: v[0] if len(v) == 1 else v for n, v in constant.items()}
    if report["metadata"] != want:
        yield f"metadata: Python {want}, dlx {report['metadata']}"
    if sum(report["sizes"].values()) != report["file_bytes"]:
        yield f"the parts {report['sizes']} are not {report['file_bytes']} bytes"
    ours = {m["name"]: facts_of(m) for m in report["methods"]}
    theirs = {p["name"]: p for p in answer["plans"] if p["name"] not in constant}
    if ours.keys() != theirs.keys():
        yield f"methods: Python {sorted(theirs)}, dlx {sorted(ours)}"
    for name in ours.keys() & theirs.keys():
        for key, fact in theirs[name].items():
            if ours[name][key] != fact:
                yield f"{name}: {key}: Python {fact}, dlx {ours[name][key]}"


def check(stock, room):
    folder = room / f"official-{stock.name}"
    folder.mkdir()
    answers = stock.run("export_files", {"folder": folder}, room)
    wrong = 0
    for answer in answers:
        try:
            said = [f"it could not be made: {answer['error']}"] if answer["error"] else list(differences(answer))
        except RuntimeError as e:
            said = [str(e)]
        wrong += bool(said)
        for sentence in said:
            print(f"  {stock.name} {answer['kind']}: {sentence} WRONG")
    print(f"  ExecuTorch {stock.name}: dlx inspect agrees on {len(answers) - wrong} of {len(answers)} files of the official exporter")
    return wrong
