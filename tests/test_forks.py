"""The forks that stand for tools in most tests: what such a tool leaves behind fails its test."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from forks import run_fork
from support import TOOLS, run, run_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks only on Linux")

LEAKS = {
    "descriptors": "os.open('/', os.O_RDONLY)",
    "handlers": "signal.signal(signal.SIGWINCH, signal.SIG_IGN)",
    "blocked signals": "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])",
    "threads": "threading.Thread(target=time.sleep, args=[9], daemon=True).start()",
    "children": "os.fork() or time.sleep(0.1) or os._exit(0)",
}


@pytest.mark.parametrize("kind", ["", *LEAKS])
def test_leftovers_of_a_tool_fail_its_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    package = tmp_path / "imagine_gen"
    package.mkdir()
    (package / "__init__.py").touch()
    main = (
        f"import os, signal, threading, time\ndef main(args):\n    {LEAKS.get(kind)}\n    return 5"
    )
    (package / "__main__.py").write_text(main)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("forks._servers", [])
    if kind:
        with pytest.raises(AssertionError, match=f"left behind: {kind}"):
            run_fork("imagine_gen", [], timeout=60)
    else:
        assert run_fork("imagine_gen", [], timeout=60).returncode == 5


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("argument", ["--help", "--version", "--frobnicate"])
def test_a_fork_answers_like_a_process(tool: str, argument: str) -> None:
    forked, started = run(tool, argument), run_process(tool, argument)
    assert forked.returncode == started.returncode
    assert (forked.stdout, forked.stderr) == (started.stdout, started.stderr)


def test_a_fork_has_its_own_folder_and_environment(tmp_path: Path) -> None:
    folder, environment = os.getcwd(), dict(os.environ)
    run(TOOLS[0], "--help", cwd=tmp_path, env={"COLUMNS": "60"})
    assert (os.getcwd(), dict(os.environ)) == (folder, environment)
    narrow = run(TOOLS[0], "--help", env={"COLUMNS": "60"}).stdout
    assert narrow != run(TOOLS[0], "--help", env={"COLUMNS": "90"}).stdout
