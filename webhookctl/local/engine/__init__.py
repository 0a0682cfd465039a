"""The engine (ministack): its process, and what it lacks or gets wrong, mended from outside."""
