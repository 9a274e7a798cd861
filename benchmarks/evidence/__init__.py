"""What the effects have to reach, measured beside the prototype and named rivals in one run; see `evidence_effects`."""
