"""Our evaluator of expressions beside Microsoft's own: `make oracle`."""
