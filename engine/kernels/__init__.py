"""How compiled loops are written and kept: cache, lanes, ranks. A shelf like `engine.core`."""
