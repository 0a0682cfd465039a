"""SQS batch in, item failures out."""
