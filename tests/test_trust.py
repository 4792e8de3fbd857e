"""No file that the package reads reaches an unpickler or an interpreter: the calls that could are listed here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import xps_prefit_hooks
import xps_stn_plugin
import xps_stn_weights

ROOTS = [Path(package.__file__).parent for package in (xps_stn_plugin, xps_prefit_hooks, xps_stn_weights)]
SOURCES = sorted(path for root in ROOTS for path in root.rglob("*.py"))

#: Modules that run or rebuild whatever their input says.
MODULES = {
    "pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "dbm", "yaml", "code",
    "asteval", "numexpr", "jsonpickle", "runpy", "xmlrpc", "plistlib",
}  # fmt: skip

#: Functions that do so, by their last name, in whatever module.
FUNCTIONS = {
    "eval", "exec", "compile", "__import__", "literal_eval", "loads", "load", "read_pickle", "to_pickle", "fromfile",
    "memmap", "loadtxt", "genfromtxt", "system", "popen", "Popen", "open_dataset", "open_datatree", "open_dataarray",
    "open_mfdataset", "open_zarr", "load_dataset", "load_model", "load_modelresult", "load_library", "CDLL",
}  # fmt: skip

#: The uses that there are, each with the reason why no file gets there.
ALLOWED = {
    ("batch/engines.py", "import pickle"): "arguments that this process sends to the workers of its own Dask client",
    ("batch/engines.py", "pickle.loads"): "the same",
    ("batch/messages.py", "import pickle"): "messages between this process and those that it started itself",
    ("batch/messages.py", "pickle.loads"): "the same",
    ("batch/pool.py", "subprocess.Popen"): "this Python with a module of this package",
    ("export/seed_parameters.py", "import asteval"): "makes the interpreter of loaded seeds smaller",
    ("hosts/loading.py", "ctypes.CDLL"): "opens the libraries of the installed torch ahead of its import",
    ("hosts/himena.py", "load"): "a slot of a menu, which starts to import torch",
    ("hosts/nexpy_host.py", "load"): "the same",
    ("hosts/qt/host.py", "load"): "the same",
    ("models/expressions.py", "compile"): "a syntax tree that `_is_known` has gone through, not text",
    ("models/expressions.py", "eval"): "the code of that tree, without builtins",
    (
        "readers/hdf5_process.py",
        "subprocess.Popen",
    ): "this Python with a module of this package",
    ("stn/train.py", "torch.load"): "with weights_only=True, which builds tensors and plain values alone",
    ("stn/weights.py", "safetensors.numpy.load"): "tensors alone",
    ("simulate/library_cache.py", "np.load"): "with allow_pickle=False, arrays of numbers in the folder of a training",
}

#: Readers of JSON and TOML, and class methods and functions of this package that are called so.
HARMLESS = {"json.loads", "tomllib.loads", "SimulationConfig.load", "TrainingConfig.load", "manager.load", "run.load"}
COMPILERS = {"re.compile", "Ties.compile", "CompiledModel.compile"}
MODEL_METHODS = {"eval", "exec"}  # lmfit.Model.eval, Network.eval, QDialog.exec: methods, never Python's functions
METHODS_OF = {"point.load"}  # an entry point of an installed plugin


def dotted(node):
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "...")
    return ".".join(reversed(parts))


def uses(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        else:
            names = []
        for name in names:
            if name.split(".")[0] in MODULES:
                yield f"import {name}"
        if isinstance(node, ast.Attribute | ast.Name):
            name = dotted(node)
            last = name.rpartition(".")[2]
            if last not in FUNCTIONS or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)):
                continue
            if "." in name and last in MODEL_METHODS:
                continue
            if name not in HARMLESS | COMPILERS | METHODS_OF:
                yield name


def test_trust_of_the_sources_no_call_runs_what_a_file_says():
    assert len(SOURCES) > 150
    seen = {
        (next(path.relative_to(root).as_posix() for root in ROOTS if path.is_relative_to(root)), use)
        for path in SOURCES
        for use in uses(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert seen - ALLOWED.keys() == set()
    assert ALLOWED.keys() - seen == set()  # none is listed that is not there any more


def test_trust_of_checkpoints_builds_tensors_alone():
    tree = ast.parse((ROOTS[0] / "stn" / "train.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and dotted(node.func) == "torch.load"]
    for call in calls:
        assert {word.arg: ast.unparse(word.value) for word in call.keywords}["weights_only"] == "True"
    assert len(calls) == 1


def test_trust_of_kept_arrays_builds_numbers_alone():
    tree = ast.parse((ROOTS[0] / "simulate" / "library_cache.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and dotted(node.func) == "np.load"]
    for call in calls:
        assert {word.arg: ast.unparse(word.value) for word in call.keywords}["allow_pickle"] == "False"
    assert len(calls) == 1


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from dill import loads", "import yaml", "eval('1')", "exec('1')", "np.load(path)",
        "params.loads(text)", "lmfit.Parameters().loads(text)", "run = eval", "xr.open_dataset(path)",
        "ast.literal_eval(x)",
        "compile(text, '', 'eval')", "os.system('x')", "torch.load(path)", "pd.read_pickle(path)",
    ],
)  # fmt: skip
def test_trust_of_a_reach_is_noticed(source):
    assert list(uses(ast.parse(source)))
