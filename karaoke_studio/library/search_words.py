"""How words are prepared before they are searched for, and searched in: the same on both sides."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

#: Scripts written without spaces between words: each sign is a word of its own, so that any part
#: of a title is found. First and last code point.
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),
    (0x3041, 0x30FF),  # kana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),  # Hangul, where spaces are often left out
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
#: Voicing marks of kana make other sounds, not other spellings.
_KEPT_MARKS = "\u3099\u309a"


def searchable(text: str) -> str:
    """Return text as it is indexed: without accents, wide forms made normal, signs of CJK apart.

    >>> searchable("Café 夜曲"), searchable("I ♥ NY")
    ('Cafe 夜 曲', 'I u2665 NY')
    """
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    bare = "".join(c for c in apart if unicodedata.category(c) != "Mn" or c in _KEPT_MARKS)
    marked = "".join(_marked(c) for c in unicodedata.normalize("NFKC", bare))
    return " ".join(marked.split())


@lru_cache(maxsize=8192)
def _marked(char: str) -> str:
    code = ord(char)
    if any(first <= code <= last for first, last in _UNSPACED):
        return f" {char} "
    # the index knows no emoji and hearts: they get names
    return f" u{code:x} " if unicodedata.category(char) == "So" else char


def match_expression(text: str) -> str:
    """Return the full-text query for what a person typed; "" where there is nothing to look for.

    Every word must be there, in any field and order; the last letters of each may be missing.
    Quotes, stars and words such as NEAR are only text.

    >>> match_expression('night bus"'), match_expression("AC/DC"), match_expression("(*")
    ('"night"* "bus"*', '"AC DC"*', '')
    """
    phrases = []
    for word in text.split():
        tokens = "".join(c if _is_token(c) else " " for c in searchable(word)).split()
        if tokens:
            phrases.append(f'"{" ".join(tokens)}"*')
    return " ".join(phrases)


def _is_token(char: str) -> bool:
    return unicodedata.category(char)[0] in "LN" or unicodedata.category(char) == "Co"
