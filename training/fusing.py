"""Functions of many small steps that a compiler can make one kernel of.

`fusible` marks a function; it runs as it is written until `use_compiled(True)`.

Public: `fusible`, `Fusible`, `FUSIBLE`.
"""

from collections.abc import Callable

import torch

Examples = Callable[[torch.device], tuple[torch.Tensor, ...]]
"""Small arguments on a device."""


class Fusible:
    """A function that may be run compiled."""

    def __init__(self, function: Callable[..., torch.Tensor], examples: Examples) -> None:
        """Wrap `function`; `examples` are arguments to try it on."""
        self.function, self._examples = function, examples
        self._run = function

    def __call__(self, *arguments: torch.Tensor | float | None) -> torch.Tensor:
        """Run it."""
        return self._run(*arguments)

    def use_compiled(self, compiled: bool) -> None:
        """Run it compiled from now on, or as it is written."""
        self._run = torch.compile(self.function) if compiled else self.function

    def try_on(self, device: torch.device) -> None:
        """Run it once, which compiles it; a compiler that does not work raises."""
        self(*self._examples(device))


FUSIBLE: list[Fusible] = []
"""All of them."""


def fusible(examples: Examples) -> Callable[[Callable[..., torch.Tensor]], Fusible]:
    """Mark a function of tensors."""

    def mark(function: Callable[..., torch.Tensor]) -> Fusible:
        FUSIBLE.append(Fusible(function, examples))
        return FUSIBLE[-1]

    return mark
