"""Unicode's mathematical alphabets: letters that carry their font with them."""

from __future__ import annotations

_CAPITALS = {
    "bold": 0x1D400,
    "italic": 0x1D434,
    "bold-italic": 0x1D468,
    "script": 0x1D49C,
    "fraktur": 0x1D504,
    "double-struck": 0x1D538,
    "sans": 0x1D5A0,
    "mono": 0x1D670,
}
"""Where each alphabet has its capital A; small letters follow the capitals."""

_DIGITS = {"bold": 0x1D7CE, "double-struck": 0x1D7D8, "sans": 0x1D7E2, "mono": 0x1D7F6}
_DIGITS["bold-italic"] = _DIGITS["bold"]
_GREEK = {"bold": 0x1D6A8, "italic": 0x1D6E2, "bold-italic": 0x1D71C}
_GREEK_LETTERS = "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡϴΣΤΥΦΧΨΩ∇αβγδεζηθικλμνξοπρςστυφχψω∂ϵϑϰϕϱϖ"
_ELSEWHERE = {
    "italic": {"h": "ℎ"},
    "script": dict(zip("BEFHILMRego", "ℬℰℱℋℐℒℳℛℯℊℴ", strict=True)),
    "fraktur": dict(zip("CHIRZ", "ℭℌℑℜℨ", strict=True)),
    "double-struck": dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True)),
}
"""Letters that Unicode had before it had the alphabets."""


def to_alphabet(character: str, alphabet: str) -> str:
    """Return a letter or digit in an alphabet; itself if the alphabet has no such character.

    Args:
        character: one character.
        alphabet: bold, italic, bold-italic, script, fraktur, double-struck, sans or mono.
    """
    if character in _ELSEWHERE.get(alphabet, {}):
        return _ELSEWHERE[alphabet][character]
    if character.isascii() and character.isalpha() and alphabet in _CAPITALS:
        small = character.islower()
        place = ord(character) - ord("a" if small else "A")
        return chr(_CAPITALS[alphabet] + 26 * small + place)
    if character.isascii() and character.isdigit() and alphabet in _DIGITS:
        return chr(_DIGITS[alphabet] + int(character))
    if character in _GREEK_LETTERS and alphabet in _GREEK:
        return chr(_GREEK[alphabet] + _GREEK_LETTERS.index(character))
    return character
