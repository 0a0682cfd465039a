"""Load scenarios, and the proof after them."""
