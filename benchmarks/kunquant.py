"""KunQuant as a peer: graphs compiled to C++ by g++, kept in a temporary folder.

Its outputs are allocated anew in every run, as ours are. ``no_fast_stat`` is on, for without it
a NaN spoils all later rows of its running statistics.
"""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from cases import CASES, Array, Bars, Job, Values, formulas_of


class KunQuant:
    """One precision and one layout: TS is (T, N), STs is (N / lanes, T, lanes)."""

    def __init__(self, bars: Bars, threads: int, dtype: str, layout: str) -> None:
        from KunQuant.runner import KunRunner

        self.runner, self.dtype, self.layout = KunRunner, dtype, layout
        self.days, self.symbols = bars.shape
        self.lanes = _register() // {"double": 64, "float": 32}[dtype]
        self.executor = (
            KunRunner.createMultiThreadExecutor(threads)
            if threads > 1
            else KunRunner.createSingleThreadExecutor()
        )
        self.inputs = {name: self._laid_out(array) for name, array in bars.fields.items()}

    def job(self, case: str) -> Job:
        graph = _graph(case)
        module = self._compiled(case, graph)
        wanted = {op.attrs["name"] for op in graph.ops if type(op).__name__ == "Input"}
        inputs = {name: array for name, array in self.inputs.items() if name in wanted}
        return Job(
            lambda: self.runner.runGraph(self.executor, module, inputs, 0, self.days), self._values
        )

    def _compiled(self, case: str, graph: Any) -> Any:
        from KunQuant.Driver import KunCompilerConfig
        from KunQuant.jit import cfake

        name = f"{case}_{self.layout}_{self.dtype}{self.lanes}"
        folder = Path(tempfile.gettempdir()) / f"formula-benchmark-kunquant-{version('KunQuant')}"
        folder.mkdir(mode=0o700, exist_ok=True)
        library = folder / name / f"{name}.so"
        if not library.is_file():
            config = KunCompilerConfig(
                input_layout=self.layout,
                output_layout=self.layout,
                dtype=self.dtype,
                blocking_len=self.lanes,
                split_source=0 if case in CASES else 10,
                options={"no_fast_stat": True},
            )
            cfake.compileit(
                [(case, graph, config)],
                name,
                cfake.CppCompilerConfig(),
                tempdir=str(folder),
                keep_files=True,
                load=False,
            )
        self.library = self.runner.Library.load(str(library))  # kept: the module lies in it
        return self.library.getModule(case)

    def _laid_out(self, array: Array) -> Any:
        array = array.astype(np.float64 if self.dtype == "double" else np.float32)
        if self.layout == "TS":
            return array
        blocks = -(-self.symbols // self.lanes)
        padded = np.full((self.days, blocks * self.lanes), np.nan, array.dtype)
        padded[:, : self.symbols] = array
        return np.ascontiguousarray(
            padded.reshape(self.days, blocks, self.lanes).transpose(1, 0, 2)
        )

    def _values(self, result: dict[str, Any]) -> Values:
        if self.layout == "STs":
            result = {
                name: array.transpose(1, 0, 2).reshape(self.days, -1)[:, : self.symbols]
                for name, array in result.items()
            }
        return result


def _register() -> int:
    """Bits of a vector register: KunQuant's default of 256 leaves half of AVX-512 idle."""
    facts = Path("/proc/cpuinfo")
    return 512 if facts.is_file() and "avx512dq" in facts.read_text() else 256


def _graph(case: str) -> Any:
    from KunQuant.Op import Builder, Input, Output
    from KunQuant.Stage import Function

    builder = Builder()
    with builder:
        fields = {n: Input(n) for n in ("open", "high", "low", "close", "volume", "vwap", "amount")}
        for name, op in _outputs(case, fields).items():
            Output(op, name)
    read = {id(i) for op in builder.ops for i in op.inputs}
    unread = {id(op) for op in fields.values()} - read
    return Function([op for op in builder.ops if id(op) not in unread])


def _outputs(case: str, fields: dict[str, Any]) -> dict[str, Any]:
    if case in CASES:
        return {case: _single(case, fields)}
    if case == "alpha101":
        from KunQuant.predefined import Alpha101

        prices = {n: fields[n] for n in ("open", "close", "high", "low", "volume", "vwap")}
        data = Alpha101.AllData(**prices)
        return {alpha.__name__: alpha(data) for alpha in Alpha101.all_alpha}
    from KunQuant.predefined import Alpha158

    data = Alpha158.AllData(**{n: op for n, op in fields.items() if n != "vwap"})
    prices = [(n.upper(), getattr(data, n)) for n in ("open", "high", "low", "vwap")]
    config = {"kbar": {}, "price": {"windows": [0], "feature": prices}, "rolling": {}}
    ops, names = data.build(config)
    return {name: op for name, op in zip(names, ops, strict=True) if name in formulas_of(case)}


def _single(case: str, fields: dict[str, Any]) -> Any:
    from KunQuant import ops as kun
    from KunQuant.Op import Rank

    close = fields["close"]
    made = {
        "ts_mean": lambda: kun.WindowedAvg(close, 20),
        "ts_std": lambda: kun.WindowedStddev(close, 20),
        "ts_min": lambda: kun.WindowedMin(close, 20),
        "ts_max": lambda: kun.WindowedMax(close, 20),
        "ts_rank": lambda: kun.TsRank(close, 20) / 20,
        "ts_argmax": lambda: kun.TsArgMax(close, 20),
        "ts_corr": lambda: kun.WindowedCorrelation(close, 20, fields["volume"]),
        "decay_linear": lambda: kun.DecayLinear(close, 10),
        "delta": lambda: close - kun.BackRef(close, 5),
        "rank": lambda: Rank(close),
        "seed": lambda: (
            Rank(kun.DecayLinear(kun.WindowedCorrelation(fields["vwap"], 4, fields["volume"]), 2))
            * -1
        ),
    }
    return made[case]()
