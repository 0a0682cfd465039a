"""webhookctl: deploy and operate a payment webhook intake from a terminal."""
