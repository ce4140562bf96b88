"""What can go wrong before the first call: finding, building and starting the parts.

    SetupError
    ├── AsteriskNotFound      none installed and none built
    ├── AsteriskUnusable      there is one, but it is too old or incomplete
    ├── AsteriskBuildFailed   the embedded one could not be fetched
    ├── PartNotStarted        a program was started and did not become ready
    ├── ControlFailed         a running Asterisk did not carry out a CLI command
    ├── PortTaken             someone else listens where we must
    └── HomeInUse             another instance runs on the same HOTLINE_HOME

Standard library only: the set-up imports this before the virtual environment exists.
The text of each error fits on one screen and ends with what to do.
"""

from pathlib import Path

from telephony.errors import HotlineError


class SetupError(HotlineError):
    slug = "setup-error"


class AsteriskNotFound(SetupError):
    slug = "asterisk-not-found"


class AsteriskUnusable(SetupError):
    slug = "asterisk-unusable"


class AsteriskBuildFailed(SetupError):
    slug = "asterisk-build-failed"


class PartNotStarted(SetupError):
    """`log` names the file that was quoted; its last lines are part of the text."""

    slug = "part-not-started"

    def __init__(self, name: str, reason: str, log: Path) -> None:
        self.name, self.reason, self.log = name, reason, log
        quoted = "\n".join(f"  | {line}" for line in last_lines(log)) or "  | (empty)"
        super().__init__(f"{name} 未能启动 · {name} did not start: {reason}\n{log}:\n{quoted}")


class ControlFailed(SetupError):
    slug = "asterisk-control-failed"


class PortTaken(SetupError):
    """`field` is the setting that holds it, `free_offset` a HOTLINE_PORT_OFFSET that would do (None: none found)."""

    slug = "port-taken"

    def __init__(self, field: str, protocol: str, port: int, free_offset: int | None) -> None:
        self.field, self.protocol, self.port, self.free_offset = field, protocol, port, free_offset
        fixes = [f"  * hotline.yaml: {field}: {port} → 换一个空闲端口 · another port"]
        if free_offset is not None:
            fixes.append(f"  * HOTLINE_PORT_OFFSET={free_offset} make run   # 全部端口平移 · moves all ports")
        fixes.append(f"  * ss -lnp 'sport = :{port}'   # 查看占用者 · shows who has it")
        super().__init__(
            f"端口 {port}/{protocol} 已被占用（{field}） · port {port}/{protocol} is taken ({field})\n"
            + "\n".join(fixes)
        )


class HomeInUse(SetupError):
    slug = "home-in-use"

    def __init__(self, home: Path, holder: str) -> None:
        super().__init__(
            f"{home} 已有实例在运行（进程 {holder}） · an instance is running on it already (process {holder})\n"
            "  * 先停止它（Ctrl-C 或 kill） · stop that one first, or\n"
            "  * HOTLINE_HOME=.local/second HOTLINE_PORT_OFFSET=1000 make run   # 并行第二套 · a second one beside it"
        )


def last_lines(path: Path, count: int = 15) -> list[str]:
    """The end of a log; empty when there is no such file."""
    if not path.is_file():
        return []
    return path.read_text(errors="replace").splitlines()[-count:]
