from webhookctl.local import trace_header

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
PARENT = "53995c3f42cd8ad8"


def test_a_valid_header_is_continued() -> None:
    """Root, parent and the sampling decision of the caller count."""
    header = trace_header.receive(f"Root={ROOT};Parent={PARENT};Sampled=1", samples=False)
    assert (header.root, header.parent, header.is_sampled) == (ROOT, PARENT, True)
    assert str(header) == f"Root={ROOT};Parent={header.segment_id};Sampled=1"


def test_a_header_without_a_decision_leaves_it_to_the_stage() -> None:
    """`Sampled=?` and no `Sampled` at all."""
    for sampled in (";Sampled=?", ""):
        assert trace_header.receive(f"Root={ROOT}{sampled}", samples=True).is_sampled
        assert not trace_header.receive(f"Root={ROOT}{sampled}", samples=False).is_sampled


def test_a_malformed_header_begins_a_new_trace() -> None:
    """Nothing of an invalid root or parent is passed on."""
    for incoming in (None, "", "Root=1-2-3", "Root=evil;Parent=x", ";;=;", "Self=1"):
        header = trace_header.receive(incoming, samples=True, now=0x5759E988)
        assert header.root.startswith("1-5759e988-")
        assert len(header.root) == len(ROOT)
        assert header.parent is None
