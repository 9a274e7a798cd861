"""Lifetime value of many customers: fits of 1 and 10 million, and 2.6 million transactions made into values.

Run: ``python -m benchmarks.lifetime_value_scale``. CPU seconds without imports, one thread. The transactions are
written to a Parquet file first; a fresh process reads it and is asked for its CPU time and largest memory, imports
included.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alamo.inference.lifetime_value.bg_nbd import BgNbd, fit_bg_nbd
from alamo.inference.lifetime_value.cells import Cells, compress
from alamo.inference.lifetime_value.gamma_gamma import Spending, fit_gamma_gamma
from alamo.inference.lifetime_value.pareto_nbd import fit_pareto_nbd
from alamo.inference.lifetime_value.purchase_fit import PurchaseFit
from alamo.inference.lifetime_value.summary import summarise
from alamo.inference.lifetime_value.transactions import Columns, read_purchases

RESULTS = Path(__file__).parent / "results" / "lifetime_value_scale.md"
TRUE = BgNbd(r=0.25, alpha=30.0, a=0.8, b=2.5)  # in days
YEAR = 365


def cpu(run: Callable[[], Any], times: int = 1) -> tuple[float, Any]:
    """Return the least CPU seconds of `times` runs, and the last result."""
    seconds = []
    for _ in range(times):
        start = time.process_time()
        out = run()
        seconds.append(time.process_time() - start)
    return min(seconds), out


def histories(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return x, t_x, T of customers of the model in whole days, and who bought when after the first day (pairs)."""
    lam, p = rng.gamma(TRUE.r, 1 / TRUE.alpha, n), rng.beta(TRUE.a, TRUE.b, n)
    t, x, t_x, now = rng.integers(1, YEAR + 1, n).astype(float), np.zeros(n), np.zeros(n), np.zeros(n)
    active, bought = np.arange(n), []
    while len(active):
        now[active] += rng.exponential(1.0, len(active)) / lam[active]
        active = active[now[active] < t[active]]
        x[active], t_x[active] = x[active] + 1, np.minimum(np.ceil(now[active]), t[active])
        bought.append(np.stack([active, t_x[active].astype(np.int64)]))
        active = active[rng.random(len(active)) > p[active]]
    return x, t_x, t, bought


def fits(n: int, *, pareto: bool) -> list[str]:
    """Return the lines about fits of `n` customers."""
    x, t_x, t, _ = histories(n, np.random.default_rng(n))
    grouping, cells = cpu(lambda: compress(x, t_x, t))
    seconds, fit = cpu(lambda: fit_bg_nbd(cells), 3)
    lines = [
        f"{n:,} customers: grouped into {len(cells.x):,} cells in {grouping:.2f} CPU-s; BG/NBD {seconds:.3f} CPU-s, "
        f"converged {fit.converged}" + (f"; Pareto/NBD {_pareto(cells)}" if pareto else "") + "."
    ]
    return [*lines, ""]


def _pareto(cells: Cells) -> str:
    seconds, fit = cpu(lambda: fit_pareto_nbd(cells), 3)
    return f"{seconds:.2f} CPU-s, converged {fit.converged}"


def write_transactions(path: Path, n: int, most: int) -> int:
    """Write about `most` transactions of `n` customers, day by customer, and return how many."""
    rng = np.random.default_rng(26)
    _, _, t, bought = histories(n, rng)
    pairs = np.concatenate(bought, axis=1)
    customer = np.concatenate([np.arange(n), pairs[0]])
    day = np.concatenate([YEAR - t, (YEAR - t)[pairs[0]] + pairs[1]]).astype(np.int64)
    more = rng.integers(0, len(customer), max(most - len(customer), 0))  # baskets of the same day
    customer, day = np.concatenate([customer, customer[more]]), np.concatenate([day, day[more]])
    order = rng.permutation(len(customer))
    taste = rng.gamma(4.0, 8.0, n)
    money = (taste[customer] * rng.gamma(6.0, 1 / 6.0, len(customer)))[order]
    dates = pa.array((day[order] + 14_000).astype(np.int32), pa.date32())
    pq.write_table(pa.table({"customer": customer[order], "day": dates, "money": money}), path)
    return len(order)


def value_of_all(path: Path) -> dict[str, Any]:
    """Read a file of transactions, fit purchases and money, and value every customer's next year."""
    start = time.process_time()
    table = pq.read_table(path)
    read = time.process_time() - start
    purchases, _ = read_purchases(table, Columns("customer", "day", "money", None))
    summary = summarise(purchases, int(purchases.day.max()))
    cells = compress(summary.x, summary.t_x_days, summary.t_days)
    fit = PurchaseFit.of("bg-nbd", fit_bg_nbd(cells), summary, 1.0)
    money = fit_gamma_gamma(Spending.of(summary.x, summary.repeat_money)).model
    value = money.expected_money(summary.x, summary.repeat_money) * fit.expected_purchases(float(YEAR))
    return {
        "seconds": time.process_time() - start - read,
        "read": read,
        "megabytes": largest_memory(),
        "customers": len(value),
        "mean": float(value.mean()),
    }


def largest_memory() -> float:
    """Return the largest resident memory of this process in MB; unlike `getrusage` without that of its parent."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return float(line.split()[1]) / 1024


def transactions() -> list[str]:
    """Return the line about transactions made into values."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "transactions.parquet"
        n = write_transactions(path, 1_000_000, 2_600_000)
        words = [sys.executable, "-m", "benchmarks.lifetime_value_scale", "--value", str(path)]
        found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    return [
        f"{n:,} transactions → the next year's value of {found['customers']:,} customers (BG/NBD and Gamma-Gamma): "
        f"{found['seconds']:.2f} CPU-s after {found['read']:.2f} for reading the file (to reach: 2), largest memory of "
        f"the process {found['megabytes']:.0f} MB (to reach: 600)."
    ]


def main() -> None:
    """Run and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--value", help="used by the benchmark itself: value the customers of this file")
    options = parser.parse_args()
    if options.value:
        print(json.dumps(value_of_all(Path(options.value))))
        return
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}"
    lines = [
        "# Lifetime value of many customers",
        "",
        f"One run of `python -m benchmarks.lifetime_value_scale` on {platform.machine()}, one thread, {versions}. To "
        "reach: BG/NBD on 1 million customers 0.2 CPU-s and on 10 million 1 CPU-s after grouping, Pareto/NBD on 1 "
        "million 2 CPU-s.",
        "",
        *fits(1_000_000, pareto=True),
        *fits(10_000_000, pareto=False),
        *transactions(),
    ]
    RESULTS.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
