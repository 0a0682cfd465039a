"""A set of strings that stays small in memory."""

from webhookctl.core.audit.spilling import Spilling

IN_MEMORY = 50_000


class SpillingSet(Spilling):
    """Remembers strings exactly, however many."""

    def __init__(self, *, in_memory: int = IN_MEMORY) -> None:
        super().__init__()
        self._bound = in_memory
        self._held: set[str] = set()

    def add(self, text: str) -> bool:
        """Remember `text`; return whether it is new."""
        if text in self._held or self._is_on_disk(text):
            return False
        self._held.add(text)
        if len(self._held) >= self._bound:
            self._spill()
        return True

    def _is_on_disk(self, text: str) -> bool:
        if self._file is None:
            return False
        return self._file.execute("SELECT 1 FROM seen WHERE text = ?", (text,)).fetchone() is not None

    def _spill(self) -> None:
        file = self._opened("seen (text TEXT PRIMARY KEY)")
        file.execute("BEGIN")
        file.executemany("INSERT INTO seen VALUES (?)", ((text,) for text in sorted(self._held)))
        file.execute("COMMIT")
        self._held.clear()
