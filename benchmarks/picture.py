"""Draw a bar chart of the results: the speed of each case relative to its peer.

    picture.py FOLDER

reads results.json in FOLDER and writes results.png there.
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

COLORS = {"naive recipe": "#2f6f9f", "writer": "#4c9a6a", "limit": "#c98a2b"}


def color(against: str) -> str:
    """Return the color of a peer: the recipe, another writer, or a limit of the machine."""
    if "naive" in against:
        return COLORS["naive recipe"]
    return COLORS["writer"] if "writer" in against and "bare" not in against else COLORS["limit"]


def main() -> None:
    folder = Path(sys.argv[1])
    results = json.loads((folder / "results.json").read_text())["results"]
    rows = [row for row in results if row["unit"] == "times"]
    if not rows:
        return
    rows.sort(key=lambda row: row["value"])
    labels = [
        f"{row['case']}  vs  {row['against']}".replace("`", "").replace("\\", "") for row in rows
    ]
    figure, axes = plt.subplots(figsize=(10, 0.42 * len(rows) + 1.2))
    values = [row["value"] for row in rows]
    bars = axes.barh(labels, values, color=[color(row["against"]) for row in rows], height=0.62)
    axes.bar_label(bars, [f"{v:.0f}×" if v >= 20 else f"{v:.1f}×" for v in values], padding=4)
    axes.axvline(1, color="#555555", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlim(min(0.4, *values), 2.2 * max(values))
    axes.set_xlabel("times as fast as the peer (logarithmic)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(folder / "results.png", dpi=110)


if __name__ == "__main__":
    main()
