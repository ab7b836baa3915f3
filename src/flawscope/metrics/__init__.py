"""How good a mask is: pure numpy functions, running accumulators, and the two protocols."""
