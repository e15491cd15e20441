"""`/unrealcv/*`: what the server says of itself."""

from capture.engine.grammar import Dispatcher
from capture.engine.state import UNREALCV_VERSION, EngineState


def bind(dispatcher: Dispatcher, engine: EngineState) -> None:
    """Bind the commands."""

    def commands(_: list[str]) -> str:
        return "\n".join(command.template for command in dispatcher.commands)

    def help_text(_: list[str]) -> str:
        return "\n".join(f"{command.template}\n{command.help}" for command in dispatcher.commands)

    def status(_: list[str]) -> str:
        ini = engine.options.ini
        return (
            f"Is Listening\nClient Connected\n{engine.options.port}\nConfiguration\n"
            f"Config file: {ini.path.absolute()}\nPort: {engine.options.port}\n"
            f"Width: {ini.width}\nHeight: {ini.height}\nFOV: {ini.fov_deg:.1f}\n"
            "EnableInput: true\nEnableRightEye: false"
        )

    dispatcher.bind("vget /unrealcv/commands", commands, "List all commands, one a line")
    dispatcher.bind("vget /unrealcv/help", help_text, "List all commands with their help")
    dispatcher.bind("vget /unrealcv/version", lambda _: UNREALCV_VERSION, "Protocol version")
    dispatcher.bind("vget /unrealcv/status", status, "Status and configuration of the server")
    dispatcher.bind("vget /unrealcv/echo [str]", lambda args: args[0], "Return the argument")
