"""Plain-text tables for terminals."""


def text_table(header: list[str], rows: list[list[str]]) -> str:
    """Columns in line: the first to the left, the others to the right."""
    widths = [max(len(line[at]) for line in [header, *rows]) for at in range(len(header))]
    return "".join(
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        + "\n"
        for line in [header, *rows]
    )


def percent(share: float) -> str:
    """A share as shown in tables."""
    return f"{100 * share:.1f} %"
