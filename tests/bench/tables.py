"""What came of it, as the tables of docs/benchmarks.md."""

import platform
import re
import time

BEGIN, END = "<!-- tests/bench/run: begin -->", "<!-- tests/bench/run: end -->"


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    return {"cpu": model.group(1) if model else platform.processor(), "kernel": platform.release(),
            "day": time.strftime("%Y-%m-%d")}


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join(" --- " if i == 0 else " ---: " for i in range(len(head))) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def of(servers, name):
    return next((s for s in servers if s["name"] == name), None)


def ratio(value, to):
    return f"{value / to:.2f}" if to else "-"


def cost(results):
    parts = []
    for block in results.get("cost", []):
        servers = block["servers"]
        limits = [of(servers, "mini"), of(servers, "mini-tick"), of(servers, "holdline")]
        rows = []
        for s in servers:
            rows.append([s["what"], f"{s['us_per_frame']:.2f}", f"{s['least']:.2f} to {s['most']:.2f}",
                         *[ratio(s["us_per_frame"], limit and limit["us_per_frame"]) for limit in limits],
                         f"{s['memory'] / 1024:.1f}"]
                        + ([f"{s['p50_ms']:.1f}", f"{s['p99_ms']:.1f}"] if block["echo"] else [])
                        + [str(s["failed"] + s["lost"])])
        head = ["server", "us a frame", "spread", "x mini", "x mini-tick", "x Holdline", "KiB a call"]
        head += ["p50 ms", "p99 ms"] if block["echo"] else []
        parts.append(f"### {block['calls']} {'echoed' if block['echo'] else 'recorded'} calls\n\n"
                     + table(head + ["failed"], rows))
    return parts


def away(results):
    if "away" not in results:
        return []
    rows = []
    for row in results["away"]["cost"]:
        there, gone = row["there"], row["away"]
        rows.append(["echoed" if row["echo"] else "recorded", f"{there['us_per_frame']:.2f}",
                     f"{gone['us_per_frame']:.2f}", ratio(gone["us_per_frame"], there["us_per_frame"]),
                     f"{row['buffered']:,}"]
                    + ([f"{there['p99_ms']:.1f}", f"{gone['p99_ms']:.1f}"] if row["echo"] else ["-", "-"])
                    + [str(there["failed"] + gone["failed"])])
    parts = ["### 1,000 calls while the database is away\n\n" + table(
        ["calls", "us, there", "us, away", "ratio", "records buffered", "p99 ms, there", "p99 ms, away", "failed"], rows)]
    outages = [results["away"]["calls"], *results["away_peers"]]
    parts.append("### 100 calls over an outage: 50 live when it begins, 50 come during it\n\n" + table(
        ["server", "calls that went through", "rows with their end"],
        [[o["what"], f"{o['completed']} of {o['calls']}", f"{o['rows']} of {o['calls']}"] for o in outages]))
    return parts


def capacity(results):
    if "capacity" not in results:
        return []
    own = of(results["capacity"], "holdline")
    rows = [[s["what"], str(s["calls"]), ratio(own["calls"], s["calls"]) if own else "-",
             f"{s['core'] * 100:.0f} %" if s["core"] else "-", f"{s['p99_ms']:.1f}" if s["p99_ms"] else "-"]
            for s in results["capacity"]]
    return ["### Most paced echo calls on one core, p99 below 40 ms, none lost\n\n" + table(
        ["server", "calls", "Holdline has x", "of the core", "p99 ms"], rows)]


def render(results):
    m, count = results["machine"], results["rounds"]
    rounds = f"median of {count} rounds" if count > 1 else "one round"
    parts = [f"{m['day']}, {m['cpu']}, Linux {m['kernel']}; {rounds}."]
    parts += cost(results) + away(results) + capacity(results)
    parts += [f"Not measured: {name} ({why})." for name, why in results["missing"].items()]
    return "\n\n".join(parts)


def write(path, text):
    with open(path, encoding="utf-8") as file:
        document = file.read()
    begin, end = document.index(BEGIN) + len(BEGIN), document.index(END)
    with open(path, "w", encoding="utf-8") as file:
        file.write(document[:begin] + "\n" + text + "\n" + document[end:])
