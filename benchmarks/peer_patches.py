"""The published scripts that Eyespot is compared with, and what is changed so that they run on the processor.

Nothing of what is trained is changed: network, hyper-parameters, schedule and augmentation are the authors'. Changed are the
device, the type (half precision becomes bfloat16, which the processor computes in; half's finer steps are given back where that
costs nothing: pixels are normalized, and the loss is taken, in float32, and BatchNorm stays in float32), torchvision's
few uses, CUDA's clock, and what is timed: evaluations that only log are left out, in the peers' favor. Where a script compiles,
`peer_support.py` does so or not, as it is told.

Each replacement must find its text just as often as it says, so that no change is ever lost without notice.
"""

from __future__ import annotations

from dataclasses import dataclass

MAIN = 'if __name__ == "__main__":\n'


@dataclass(frozen=True)
class Replacement:
    """One change: `old` stands in the script `times` times and becomes `new` everywhere."""

    old: str
    new: str
    times: int = 1


@dataclass(frozen=True)
class Script:
    """One published script.

    Attributes:
        name: what it is called here, and as a module.
        repository: on GitHub, OWNER/NAME.
        commit: the pinned one.
        path: within the repository.
        sha256: of the file.
        replacements: the changes, made one after the other.
    """

    name: str
    repository: str
    commit: str
    path: str
    sha256: str
    replacements: tuple[Replacement, ...]


def patched(source: str, script: Script) -> str:
    """The script as it runs on the processor: once, from `peer_support.run`.

    Errors: SystemExit, which names the text that was not found as often as expected.
    """
    head, main, _ = source.partition(MAIN)
    if not main:
        raise SystemExit(f"{script.name}: there is no line {MAIN.strip()!r}")
    for replacement in script.replacements:
        found = head.count(replacement.old)
        if found != replacement.times:
            raise SystemExit(f"{script.name}: expected {replacement.times} times, found {found} times:\n{replacement.old}")
        head = head.replace(replacement.old, replacement.new)
    return f"{head}{MAIN}    T.run(CifarNet, CifarLoader, main)\n"


_BOTH = (
    Replacement("import torchvision\nimport torchvision.transforms as T\n", "import peer_support as T\n"),
    Replacement('torch.device("cuda")', 'torch.device("cpu")'),
    Replacement("torch.cuda.Event(", "T.Event(", times=2),
    Replacement("        torch.cuda.synchronize()\n", ""),
    Replacement("F.cross_entropy(outputs, ", "F.cross_entropy(outputs.float(), "),
    Replacement("    def init_whiten(", "    @T.in_float32\n    def init_whiten("),
)

SCRIPTS = {
    script.name: script
    for script in (
        Script(
            "airbench94_muon",
            "KellerJordan/cifar10-airbench",
            "f1c599c4af24aca803e3e65a6a7e52a502e09d0e",
            "airbench94_muon.py",
            "704e29251a5207d8aed8a35adf13f772ff386b90a712aaddc2a28854385b536e",
            (
                *_BOTH,
                Replacement("torch.compile", "T.compile"),
                Replacement("mod.half()", "mod.to(T.weights())"),
                Replacement("ceil(8 * len(train_loader))", "T.steps(run, ceil(8 * len(train_loader)), 4)"),
                Replacement("ceil(3 * len(train_loader))", "T.steps(run, ceil(3 * len(train_loader)), 2)"),
                # Its clock stands still meanwhile, that of the whole process does not.
                Replacement("        val_acc = evaluate(model, test_loader, tta_level=0)\n", ""),
                Replacement("    return tta_val_acc\n", "    return tta_val_acc, time_seconds\n"),
            ),
        ),
        Script(
            "cifar10_speedrun",
            "hiverge/cifar10-speedrun",
            "5cd49b1e586f473b535cdeee69fe8ad5b6e9618b",
            "cifar10_speedrun.py",
            "d1e1f6991cc3e1758c0bbc0e728c86a4b3119dd42a9233075b2edb9735d0ba91",
            (
                *_BOTH,
                Replacement("torch.compile", "T.compile", times=7),
                Replacement(
                    "            mod.half()", "            mod.to(T.float32 if isinstance(mod, BatchNorm) else T.weights())"
                ),
                Replacement('["momentum_buffer_dtype"] = torch.half', '["momentum_buffer_dtype"] = T.weights()'),
                Replacement('["momentum_buffer_dtype"] == torch.half', '["momentum_buffer_dtype"] == T.weights()'),
                Replacement(
                    "        self._cpu_buffer = torch.zeros(\n"
                    "            self.images.shape,\n"
                    "            dtype=torch.half,\n"
                    "            device='cpu'\n"
                    "        ).pin_memory().contiguous()\n",
                    "",
                ),
                Replacement('dtype=torch.long, device="cuda")', "dtype=torch.long)"),
                Replacement(
                    "    total_train_steps = ceil(7.59 * len(train_loader))\n",
                    "    whole_steps = ceil(7.59 * len(train_loader))\n    total_train_steps = T.steps(run, whole_steps, 4)\n",
                ),
                # A compiled function takes this number; another one in the warm-up would have it compiled again afterwards.
                Replacement(
                    "        total_train_steps=total_train_steps,\n        w",
                    "        total_train_steps=whole_steps,\n        w",
                ),
                Replacement("ceil(0.19 * len(train_loader))", "T.steps(run, ceil(0.19 * len(train_loader)), 2)"),
                Replacement("    train_acc = evaluate(model, train_loader, tta_level=0)\n", ""),
                Replacement("    val_acc = evaluate(model, test_loader, tta_level=0)\n", ""),
                Replacement("    return (val_acc, tta_val_acc, time_seconds)\n", "    return tta_val_acc, time_seconds\n"),
            ),
        ),
    )
}
