import stat
from pathlib import Path

import pytest

from telephony.asterisk.errors import PartNotStarted, SetupError
from telephony.asterisk.layout import LONGEST_SOCKET_PATH, Layout


def test_given_a_short_home_then_sockets_are_inside_it() -> None:
    assert Layout.of(Path("/srv/hotline")).run == Path("/srv/hotline/run")


@pytest.mark.parametrize("home", ["/srv/" + "x" * 200, "/srv/" + "热线" * 20])
def test_given_a_long_home_then_socket_paths_fit_and_are_always_the_same(home: str) -> None:
    layout = Layout.of(Path(home))

    assert len(str(layout.run / "asterisk.ctl").encode()) <= LONGEST_SOCKET_PATH
    assert len(str(layout.redis_socket).encode()) <= LONGEST_SOCKET_PATH
    assert Layout.of(Path(home)).run == layout.run


def test_given_two_long_homes_then_their_sockets_are_apart() -> None:
    assert Layout.of(Path("/srv/" + "x" * 200)).run != Layout.of(Path("/srv/" + "x" * 201)).run


def test_created_folders_are_for_their_owner_alone(tmp_path: Path) -> None:
    layout = Layout.of(tmp_path / "home")
    layout.create()
    layout.create()

    for folder in (layout.etc, layout.var, layout.log, layout.spool, layout.redis, layout.run):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_given_a_socket_folder_laid_by_another_hand_then_it_is_refused(tmp_path: Path) -> None:
    layout = Layout.of(tmp_path / "home")
    layout.home.mkdir()
    (tmp_path / "elsewhere").mkdir()
    layout.run.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(SetupError, match="run"):
        layout.create()


def test_given_a_part_that_did_not_start_then_the_error_quotes_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))

    message = PartNotStarted("Redis", "ended with 1", log).message

    assert "line 99" in message
    assert "line 84" not in message
    assert str(log) in message
