"""Counts as they are committed, and what two of them say beside each other."""

import json

from callgrind import GROUPS

OURS_PERCENT = 2  # with the baseline's compiler and processor
OURS_ELSEWHERE_PERCENT = 15
OTHERS_PERCENT = 10
OTHERS_OF_ALL_PERCENT = 5  # or so much of the part: a few calls of malloc are no finding
LEAST = 3  # instructions
SHOWN_PERCENT = 1  # of ours: smaller functions are not kept
UPDATE = "tests/bench/instructions/run BUILD_DIR --update"


def document(environment, parts):
    """What is committed."""
    return {"environment": environment, "parts": {
        name: {**{group: round(part.groups[group], 1) for group in GROUPS},
               "functions": {function: round(cost, 1) for function, cost in part.functions.most_common()
                             if cost * 100 >= part.groups["ours"] * SHOWN_PERCENT}}
        for name, part in parts.items()}}


def write(path, counted):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(counted, file, indent="\t")
        file.write("\n")


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class Verdict:
    """`failures` end a gate, `warnings` and `gains` are only told."""

    def __init__(self):
        self.failures, self.warnings, self.gains = [], [], []


def differences(before, now):
    return [f"{key}: {before[key]} there, {now.get(key)} here" for key in before if before[key] != now.get(key)]


def allowance(group, part, at_home):
    """How far a count may be from the baseline's."""
    if group == "ours":
        return max(LEAST, part[group] * (OURS_PERCENT if at_home else OURS_ELSEWHERE_PERCENT) / 100)
    whole = sum(part[g] for g in GROUPS)
    return max(LEAST, part[group] * OTHERS_PERCENT / 100, whole * OTHERS_OF_ALL_PERCENT / 100)


def growth(before, now):
    """Our functions that cost more than they did, the worst first."""
    grown = {name: cost - before.get(name, 0) for name, cost in now.items()}
    worst = sorted((name for name in grown if grown[name] >= 1), key=lambda name: -grown[name])
    return [f"    {name}: {before.get(name, 0):g} -> {now[name]:g}" for name in worst[:8]]


def compare_part(name, before, now, at_home, same_libraries, verdict):
    for group in GROUPS:
        was, has, room = before[group], now[group], allowance(group, before, at_home)
        told = f"{name}: {group} {was:g} -> {has:g} instructions ({(has - was) / max(was, 1):+.1%})"
        if has > was + room and group == "ours":
            verdict.failures += [told, *growth(before["functions"], now["functions"])]
        elif has > was + room:
            (verdict.failures if same_libraries else verdict.warnings).append(told)
        elif has < was - room:
            verdict.gains.append(told)


def compare(before, now):
    """Two documents: what was committed, and what was counted."""
    there, here = before["environment"], now["environment"]
    at_home = all(there[key] == here.get(key) for key in ("compiler", "cpu"))
    verdict = Verdict()
    verdict.warnings += differences(there, here)
    for name, part in before["parts"].items():
        if name in now["parts"]:
            compare_part(name, part, now["parts"][name], at_home, there == here, verdict)
        else:
            verdict.failures.append(f"{name}: was not counted")
    verdict.failures += [f"{name}: is not in the baseline; {UPDATE}" for name in now["parts"]
                         if name not in before["parts"]]
    return verdict
