"""Arguments that several command lines share."""

from typing import Annotated

from tyro.conf import Positional, arg

WorkspaceArgument = Positional[Annotated[str, arg(metavar="WORKSPACE")]]
