"""studybot answers questions from your own Markdown notes, word for word and with citations."""

__version__ = "0.1.0"
