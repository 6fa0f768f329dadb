"""The beginning of a text that a server sent, for a message to people. Pure: no I/O."""


def excerpt(text: str, longest: int) -> str:
    """Return the beginning of a text on one line, cut between two words.

    Never within a word: that may be a secret which the server repeats, and redaction knows no half ones.

    Args:
        text: of any length, blanks and line ends in it.
        longest: characters to keep at most.
    """
    line = " ".join(text.split())
    if len(line) <= longest:
        return line
    return line[: longest + 1].rpartition(" ")[0] + " …"
