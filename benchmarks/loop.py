"""The loop on the example shop: CPU seconds and memory of each step of the first and of the fourth turn.

python benchmarks/loop.py
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from datetime import timedelta
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from alamo.project import Project  # after the number of threads is set

STEPS = ("measure", "infer", "predict", "steer")
TURNS = (1, 4)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    lines = [
        "# One turn of the loop on the example shop, by step",
        "",
        "4,383 customers, 417,534 order lines, three actions, files on disk. CPU seconds; peak memory so far.",
        "",
        "| what | CPU-s | peak MB |",
        "| --- | --- | --- |",
    ]
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder) / "shop"
        started = time.process_time()
        Project.init(shop, example="shop")
        lines.append(f"| init and import | {time.process_time() - started:.2f} | {peak_mb():.0f} |")
        with Project.open(shop) as project:
            calendar = project.context.calendar()
            for turn in TURNS:
                if turn > 1:
                    project.run(until=calendar.start(turn - 1) + timedelta(days=1), approve_as="benchmark")
                    plan = project.plan()
                    project.approve(plan.plan_id, by="benchmark")
                    started = time.process_time()
                    project.launch(plan.plan_id, by="benchmark")
                    lines.append(
                        f"| launch of cycle {turn - 1} | {time.process_time() - started:.2f} | {peak_mb():.0f} |"
                    )
                    project.enter_next_cycle()
                for step in STEPS:
                    started = time.process_time()
                    getattr(project, step)()
                    lines.append(f"| cycle {turn}: {step} | {time.process_time() - started:.2f} | {peak_mb():.0f} |")
    target = Path(__file__).with_name("results") / "loop.md"
    target.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
