"""Training of the small promptable models: the SAM architecture, from scratch, on drawn and real surfaces."""
