"""Presets: how the options of a known workload go together with those that are given."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import pytest

from imagine_common.cli import preset_files
from imagine_common.cli.options import was_given
from imagine_common.cli.parser import Parser
from imagine_common.cli.preset_files import find_preset, load_presets
from imagine_common.cli.presets import add_preset_option, parse_with_preset
from imagine_common.cli.tool import run_tool
from imagine_common.errors import ImagineError, UsageError

OPTIONS = {
    "width": "7",
    "height": "7",
    "size-list": None,
    "quality": "7",
    "target-size": None,
    "target-size-stdev": None,
    "image-format": "jpg",
    "mode": "RGB",
    "subsampling": None,
    "name": "x",
    "name-format": None,
    "index-path": None,
    "path": None,
}


def make_parser(prog: str = "tool") -> Parser:
    parser = Parser(prog=prog, usage="%(prog)s", description="100% a tool", epilog="the 100% end")
    add_preset_option(parser, "gen")
    for name, default in OPTIONS.items():
        parser.add_argument(f"--{name}", default=default)
    parser.add_argument("--count", "--number", type=int, default=1)
    parser.add_argument("--tar", action="store_true")
    parser.add_argument("--index", action="store_true")
    parser.add_argument("--direct", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("files", nargs="*", help="what to read")
    parser.add_closing_options(parser.add_argument_group("more"))
    return parser


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of presets in place of the real ones."""
    (tmp_path / "real").mkdir()
    monkeypatch.setattr(preset_files, "_FOLDER", str(tmp_path / "real"))
    monkeypatch.delenv("IMAGINE_PRESETS", raising=False)
    return tmp_path / "real"


def write(folder: Path, name: str = "p", **tools: dict[str, str | int | bool]) -> None:
    data = {"summary": "100% known", "source": "a book", **tools}
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(data))


def parse(*argv: str) -> argparse.Namespace:
    return parse_with_preset(make_parser(), argv)


def test_a_preset_sets_options_and_the_others_keep_their_defaults(folder: Path) -> None:
    write(folder, gen={"width": 30, "count": 5, "tar": True})
    args = parse("--preset", "p")
    assert (args.width, args.count, args.tar) == ("30", 5, True)
    assert (args.height, args.index, args.files) == ("7", False, [])
    assert parse("--tar").count == 1


@pytest.mark.parametrize(
    "argv",
    [
        ("--preset", "p", "--count", "9"),
        ("--count", "9", "--preset", "p"),
        ("--number=9", "--preset=p"),
        ("--preset=q", "--count=9", "--preset=p"),
    ],
)
def test_an_option_given_beside_a_preset_wins_wherever_it_stands(
    folder: Path, argv: tuple[str, ...]
) -> None:
    write(folder, gen={"count": 5, "width": 30})
    args = parse(*argv)
    assert (args.count, args.width) == (9, "30")


def test_an_option_given_with_its_default_wins_too(folder: Path) -> None:
    write(folder, gen={"count": 5})
    assert parse("--preset=p", "--count=1").count == 1


def test_options_of_a_preset_do_not_count_as_given(folder: Path) -> None:
    write(folder, gen={"count": 5, "width": 30})
    for argv in (("--number=1",), ("--number=1", "--preset=p")):
        args = parse(*argv)
        assert was_given(args, "--count")
        assert not was_given(args, "--width")


@pytest.mark.parametrize(
    ("given", "kept", "left_out"),
    [
        ("--width=9", {"height": 3}, {"size-list": "l"}),
        ("--size-list=m", {"quality": 3}, {"width": 3, "height": 3}),
        ("--quality=9", {"width": 3}, {"target-size": 3, "target-size-stdev": 3, "direct": True}),
        ("--direct", {"subsampling": "4:4:4", "target-size": 3}, {"quality": 3}),
        ("--target-size=9", {"width": 3}, {"quality": 3, "target-size-stdev": 3}),
        ("--target-size-stdev=9", {"target-size": 3}, {"quality": 3}),
        ("--image-format=png", {"width": 3}, {"subsampling": "4:4:4", "quality": 3}),
        ("--image-format=png", {"width": 3}, {"target-size": 3, "direct": True}),
        ("--mode=L", {"quality": 3}, {"subsampling": "4:4:4"}),
        ("--name=n", {}, {"name-format": "f"}),
        ("--name-format=n", {}, {"name": "f"}),
        ("--index", {"name": "f"}, {"index-path": "d"}),
        ("--index-path=d", {"name": "f"}, {"index": True}),
        ("--path=d", {"name": "f"}, {"tar": True}),
        ("--tar", {"name": "f"}, {"path": "d"}),
    ],
)
def test_preset_values_that_contradict_an_option_are_dropped(
    folder: Path,
    given: str,
    kept: dict[str, str | int | bool],
    left_out: dict[str, str | int | bool],
) -> None:
    write(folder, gen={**kept, **left_out})
    args = vars(parse("--preset=p", given))
    unset = vars(parse(given))
    for name, value in kept.items():
        assert args[name.replace("-", "_")] == (str(value) if name != "count" else value)
    for name in left_out:
        assert args[name.replace("-", "_")] == unset[name.replace("-", "_")]
    all_of_it = vars(parse("--preset=p"))
    for name, value in left_out.items():
        expected = value if value is True else str(value)
        assert all_of_it[name.replace("-", "_")] == expected


def test_positional_arguments_are_given_where_they_stand_for_options(folder: Path) -> None:
    write(folder, gen={"path": "d", "name-format": "f", "count": 5})
    args = parse_with_preset(make_parser(), ["a", "--preset=p", "b"], ("path", "name"))
    assert args.files == ["a", "b"]
    assert (args.path, args.name, args.name_format, args.count) == (None, "x", None, 5)
    assert parse_with_preset(make_parser(), ["--preset=p"], ("path", "name")).path == "d"


@pytest.mark.parametrize("name", ["none", "", "\n"])
def test_an_unknown_preset_lists_those_for_the_tool(folder: Path, name: str) -> None:
    write(folder, gen={})
    write(folder, "a", gen={})
    write(folder, "other", tfrecord={})
    with pytest.raises(UsageError, match=r"^.*: no preset '.*'; known presets: a, p( .*)?$"):
        parse(f"--preset={name}")


def test_a_preset_may_be_a_file(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "own", "mine", gen={"count": 5})
    assert parse(f"--preset={tmp_path}/own/mine.json").count == 5
    with pytest.raises(UsageError, match=r"no preset 'mine.json'; a file is ./mine.json; known"):
        parse("--preset=mine.json")
    with pytest.raises(UsageError, match=r"^argument --preset: \./none.json: No such file"):
        parse("--preset=./none.json")


def test_names_are_looked_up_in_any_case_along_the_search_path(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "known", gen={"count": 5})
    write(tmp_path / "a", "mine", gen={"count": 6})
    write(tmp_path / "b", "ours", gen={"count": 7})
    monkeypatch.setenv("IMAGINE_PRESETS", f"{tmp_path}/a:{tmp_path}/b:")
    assert [parse(f"--preset={name}").count for name in ("KNOWN", "mine", "Ours")] == [5, 6, 7]
    assert [preset.name for preset in load_presets()] == ["known", "mine", "ours"]
    write(tmp_path / "b", "known", gen={"count": 8})
    with pytest.raises(UsageError, match=r"known.json and .*/b/known.json: the same name; give"):
        parse("--preset=known")
    assert parse(f"--preset={tmp_path}/b/known.json").count == 8
    monkeypatch.setenv("IMAGINE_PRESETS", f"{tmp_path}/none")
    with pytest.raises(UsageError, match=r"^IMAGINE_PRESETS: .*/none: No such file or directory"):
        parse("--preset=known")
    assert "presets:\n  IMAGINE_PRESETS: " in make_parser().format_help()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON: Expecting property name .*line 1"),
        ("\xff", "not JSON: "),
        ("[]", "expected an object with the keys summary, source, notes, gen"),
        ('{"tfrecords": {}}', "unknown key 'tfrecords'; known are summary, .*"),
        ('{"summary": 1}', "summary: expected a text"),
        ('{"notes": "x"}', "notes: expected a list of texts"),
        ('{"notes": [1]}', "notes: expected a list of texts"),
        ('{"gen": [1]}', "gen: expected an object of options"),
        ('{"gen": {"count": 1.5}}', "gen: count: expected a text, a number or true"),
        ('{"gen": {"count": null}}', "gen: count: expected a text, a number or true"),
        ('{"gen": {"tar": false}}', "gen: tar: expected a text, a number or true"),
    ],
)
def test_a_file_that_is_no_preset_is_named(folder: Path, text: str, words: str) -> None:
    (folder / "p.json").write_text(text, encoding="latin-1")
    with pytest.raises(UsageError, match=rf"^argument --preset: .*/p.json: .*{words}"):
        parse("--preset=p")


def test_describe_shows_what_a_preset_sets(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, gen={"count": 3, "name": "a b", "tar": True}, recordio={"img-per-file": 5})
    data = json.loads((folder / "p.json").read_text())
    (folder / "p.json").write_text(json.dumps({**data, "notes": ["word " * 30]}))
    with pytest.raises(SystemExit) as raised:
        parse("--preset=p", "--describe")
    assert not raised.value.code
    line = "word " * 15
    assert capsys.readouterr().out == (
        f"p: 100% known (a book)\n- {line.rstrip()}\n  {line.rstrip()}\n"
        "imagine-gen --count=3 '--name=a b' --tar\n"
        "imagine-recordio --img-per-file=5\n"
    )
    with pytest.raises(UsageError, match=r"^argument --describe: only with --preset$"):
        parse("--describe")


def test_a_preset_of_other_tools_says_so(folder: Path) -> None:
    write(folder, gen={})
    write(folder, "other", tfrecord={})
    with pytest.raises(
        UsageError,
        match=r"^.*: other has no options for this tool; known presets: p$",
    ):
        parse("--preset=other")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"count": "many"}, r"^preset p: argument --count.*: invalid int value: 'many'"),
        ({"no-such": 1}, "^preset p: unrecognized arguments: --no-such=1"),
        ({"count": True}, r"^preset p: argument --count.*: expected one argument"),
    ],
)
def test_an_invalid_preset_is_named(
    folder: Path, options: dict[str, str | int | bool], words: str
) -> None:
    write(folder, gen=options)
    with pytest.raises(UsageError, match=words):
        parse("--preset=p")


@pytest.mark.parametrize(
    ("message", "blamed"),
    [
        ("argument --width: is bad", " (preset p has --width=3)"),
        ("arguments --width, --name: are bad", " (preset p has --width=3)"),
        ("arguments --width, --tar: are bad", " (preset p has --width=3 --tar)"),
        ("argument --width-of: is bad", ""),
        ("argument --name: is bad", ""),
    ],
)
def test_an_error_about_options_of_a_preset_names_them(
    folder: Path, capsys: pytest.CaptureFixture[str], message: str, blamed: str
) -> None:
    write(folder, gen={"width": 3, "tar": True})

    def fail(_: argparse.Namespace) -> None:
        raise UsageError(message)

    parser = make_parser()
    code = run_tool(parser, fail, ["--preset=p"])
    assert code == 2
    assert capsys.readouterr().err == f"tool: error: {message}{blamed}; see tool --help\n"


def test_help_lists_the_tools_presets_before_the_end(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, "short", gen={})
    write(folder, "a-longer-one", gen={})
    write(folder, "other", tfrecord={})
    with pytest.raises(SystemExit):
        parse("--preset", "p", "--help")
    shown = capsys.readouterr().out
    assert shown.startswith("usage: tool\n\n100% a tool\n")
    assert shown.endswith(
        "\n\npresets:\n"
        "  a-longer-one  100% known (a book)\n"
        "  short         100% known (a book)\n"
        "\nthe 100% end\n"
    )
    assert "(default: 7)" not in shown


def test_real_presets_fit_into_the_help() -> None:
    for tool in ("gen", "tfrecord", "recordio"):
        parser = Parser(prog="tool", usage="%(prog)s", description="")
        add_preset_option(parser, tool)
        listing = parser.format_help().partition("presets:\n")[2]
        assert listing
        assert all(len(line) < 80 for line in listing.splitlines())
    for preset in load_presets():
        assert preset.options
        assert find_preset(preset.name, next(iter(preset.options))) == preset


def test_real_presets_files_hold_nothing_else() -> None:
    for path in Path(preset_files._FOLDER).iterdir():
        data = json.loads(path.read_text())
        assert data.keys() <= {"summary", "source", "notes", "gen", "tfrecord", "recordio"}
        assert all(isinstance(note, str) for note in data["notes"])
        assert data["notes"], "a preset names the source of its numbers"


def test_a_fifo_is_refused_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "own.json")
    with pytest.raises(ImagineError, match="expected a preset, found a FIFO"):
        find_preset(f"{tmp_path}/own.json", "gen")


def test_json_that_is_nested_too_deeply_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text("[" * 100_000)
    with pytest.raises(UsageError, match="not JSON"):
        find_preset(f"{tmp_path}/own.json", "gen")
