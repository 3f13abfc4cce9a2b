"""Seals: a short number beside what is stored, to tell whether it is read as it was written.

SQLite notices when the structure of its file is damaged, not when a byte within a text or a vector is another one.
"""

from zlib import crc32


def seal(*values: object) -> int:
    """Return the CRC-32 of numbers, texts, bytes and None, in their order.

    It guards against damage, of which one in four thousand million goes unnoticed, and not against malice.
    """
    total = 0
    for value in values:
        # Large ones as they are, which is quicker than their repr.
        content = value if isinstance(value, bytes) else (value if isinstance(value, str) else repr(value)).encode()
        total = crc32(content, crc32(b"%d %d " % (isinstance(value, str), len(content)), total))
    return total
