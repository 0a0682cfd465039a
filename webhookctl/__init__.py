"""webhookctl: deploy and operate a payment webhook intake from a terminal."""

__version__ = "0.1.0"
