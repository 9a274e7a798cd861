"""What uplift has to reach, beside the prototype and named rivals in one run; see `benchmarks.evidence_uplift`."""
