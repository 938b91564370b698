"""Draws the plots of docs/performance.md: plots.py JSON FOLDER, from what odb_bench --json wrote.

Each is an SVG of its own: latency and throughput over the commits in flight, a commit's cost and the server's
memory over the number of objects, throughput over clients.
"""

import json
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

# The same figures give the same bytes, and text stays text.
matplotlib.rcParams["svg.hashsalt"] = "odb"
matplotlib.rcParams["svg.fonttype"] = "none"
METADATA = {"Date": None, "Creator": None}

ODB, PEER = "tab:blue", "tab:red"
STYLES = ("-", "--", ":")


class PlotError(Exception):
    pass


def curve(figures, figure, name, of="median"):
    """The points of one curve: x and y, by x."""
    points = [
        (line["x"], line[of])
        for line in figures.get(figure, {}).values()
        if line.get("curve") == name and of in line
    ]
    return list(zip(*sorted(points))) if points else None


class Plot:
    def __init__(self, title, x_label, y_label):
        self._figure, self._axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
        self._axes.set(title=title, xlabel=x_label, ylabel=y_label, xscale="log")
        self._axes.grid(True, which="major", alpha=0.3)
        self._is_empty = True

    def add(self, points, label, color, style="-"):
        if points is None:
            return
        self._axes.plot(*points, style, marker="o", markersize=4, color=color, label=label)
        self._axes.set_xticks(points[0], [f"{x:,.0f}" for x in points[0]])
        self._axes.minorticks_off()
        self._is_empty = False

    def save(self, folder, name, y_scale="linear"):
        """Nothing when the figure was not measured."""
        if not self._is_empty:
            self._axes.set_yscale(y_scale)
            self._axes.yaxis.set_major_formatter("{x:,.0f}")
            if y_scale == "linear":
                self._axes.set_ylim(bottom=0)
            self._axes.legend()
            self._figure.savefig(folder / f"{name}.svg", metadata=METADATA)
        plt.close(self._figure)


def draw(figures, folder):
    latency = Plot("Latency of a commit over load, one client", "commits in flight", "us")
    for name, style in zip(("p50", "p99", "p99.9"), STYLES):
        latency.add(curve(figures, "load-sweep", name), f"odb, {name}", ODB, style)
        peer = curve(figures, "load-sweep", name, of="peer_median")
        latency.add(peer, f"Redis, checked set, {name}", PEER, style)
    latency.save(folder, "latency_over_load", "log")

    throughput = Plot("Throughput over load, one client", "commits in flight", "commits/s")
    throughput.add(curve(figures, "load-sweep", "throughput"), "odb", ODB)
    peer = curve(figures, "load-sweep", "throughput", of="peer_median")
    throughput.add(peer, "Redis, checked set", PEER)
    throughput.save(folder, "throughput_over_load")

    clients = Plot("Throughput over clients, 64 in flight each", "clients", "commits/s")
    clients.add(curve(figures, "clients", "clients"), "odb", ODB)
    clients.save(folder, "throughput_over_clients")

    cost = Plot("A synchronous commit over the size of the database", "objects", "us")
    cost.add(curve(figures, "commit-cost", "p50"), "p50", ODB)
    beside = curve(figures, "commit-cost", "p50", of="floor_median")
    cost.add(beside, "p50 with 1000 objects, in turn", PEER, "--")
    cost.save(folder, "commit_over_size")

    memory = Plot("The server's memory over the size of the database", "objects", "MiB")
    memory.add(curve(figures, "commit-cost", "memory"), "two integers each", ODB)
    memory.save(folder, "memory_over_size", "log")


def main():
    if len(sys.argv) != 3:
        raise PlotError("usage: plots.py JSON FOLDER")
    figures = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))["figures"]
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    draw(figures, folder)
    print(f"drawn in {folder}")


if __name__ == "__main__":
    try:
        main()
    except (PlotError, OSError, ValueError, KeyError) as error:
        sys.exit(f"plots.py: {error}")
