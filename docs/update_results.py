"""Write the results of the benchmarks into the documentation: `python docs/update_results.py`.

The results are in benchmarks/results/; `python benchmarks/run.py` and others write them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
IN_README = (
    ("fresh JPEG 3840×2160", "naive recipe"),
    ("fresh PNG 3840×2160", "naive recipe"),
    ("direct JPEG 3840×2160", "naive recipe"),
    ("direct JPEG 500×375", "naive recipe"),
    ("TFRecord, 115 KB images", "TensorFlow's writer, whole command"),
    ("RecordIO, 115 KB images", "MXNet's writer in a pool, whole command"),
    (
        "`imagine-gen --direct \\| imagine-tfrecord`, 500×375",
        "naive recipe, then TensorFlow's writer",
    ),
)


def readme_table() -> str:
    """Return the table of the most important cases."""
    results = json.loads((RESULTS / "results.json").read_text())["results"]
    found = {(row["case"], row["against"]): row for row in results}
    rows = [found[case] for case in IN_README]
    lines = ["| | against | times as fast | imagine |", "| --- | --- | --- | --- |"]
    for row in rows:
        value = f"{row['value']:.{0 if row['value'] >= 20 else 1}f}"
        lines.append(f"| {row['case']} | {row['against']} | **{value}×** | {row['ours']} |")
    return "\n".join(lines)


def preset_table() -> str:
    """Return the table of the cases that are whole workloads."""
    rows = json.loads((RESULTS / "results.json").read_text())["results"]
    lines = ["| | takes | rate |", "| --- | --- | --- |"]
    lines += [
        f"| {row['case']} | **{row['value'] / 60:.0f} min** | {row['ours']} |"
        for row in rows
        if row["case"].startswith("`--preset")
    ]
    return "\n".join(lines)


def with_block(text: str, name: str, block: str) -> str:
    """Return a page's text with the block between two comments replaced."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    return re.sub(pattern, lambda _: f"{begin}\n{block}\n\n{end}", text, flags=re.DOTALL)


def updated_pages() -> dict[Path, str]:
    """Return the text that each page should have."""
    performance, readme = ROOT / "docs" / "performance.md", ROOT / "README.md"
    text = with_block(performance.read_text(), "results", (RESULTS / "results.md").read_text())
    scale_out = ROOT / "docs" / "scale-out.md"
    photo = ROOT / "docs" / "photo-content.md"
    reduction = ROOT / "docs" / "reduction.md"
    return {
        reduction: with_block(
            reduction.read_text(), "reduction", (RESULTS / "reduction.md").read_text().strip()
        ),
        photo: with_block(
            photo.read_text(), "photo results", (RESULTS / "photo.md").read_text().strip()
        ),
        scale_out: with_block(
            scale_out.read_text(), "scale results", (RESULTS / "scale.md").read_text().strip()
        ),
        performance: with_block(text, "steps", (RESULTS / "steps.md").read_text()),
        readme: with_block(
            with_block(readme.read_text(), "results", readme_table()), "preset", preset_table()
        ),
    }


def main() -> None:
    """Write the pages."""
    for page, text in updated_pages().items():
        page.write_text(text)


if __name__ == "__main__":
    main()
