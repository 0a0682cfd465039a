"""API Gateway's stage throttling: a token bucket (API Gateway developer guide, "Throttle requests")."""


class TokenBucket:
    """A bucket of `burst` tokens that refills at `rate` a second. Time is an argument, in seconds."""

    def __init__(self, *, rate: float, burst: int, now: float) -> None:
        self.rate, self.burst = rate, burst
        self._tokens, self._at = float(burst), now

    def take(self, now: float) -> bool:
        """Take one token; False means that the request is throttled (429)."""
        self._tokens = min(float(self.burst), self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
