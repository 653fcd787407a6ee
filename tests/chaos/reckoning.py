"""What the callers know, held against the rows: every column, every event, nothing twice.

`problems(...)` gives a list of sentences; an empty one is the only good one."""

from crowd import BROKEN, CUT, NOBODY, REFUSED, STOP

CALLS = ("SELECT *, extract(epoch FROM started_at) AS began, extract(epoch FROM ended_at) AS over FROM calls")
EVENTS = "SELECT event_id, call_id, kind, data FROM call_events ORDER BY at, event_id"
CLOCK = 3.0  # seconds by which a caller on a busy machine may see things later than the server


def text(item):
    return item if len(item) < 700 else item[:700] + " ..."


def expected_of_load(call):
    """What a row says of a call by holdload that ended as planned."""
    return {"provider": "twilio", "stream_id": call["streamSid"], "state": "ended", "end_reason": "stop",
            "codec": "PCMU", "sample_rate": 8000, "frames_in": call["frames_sent"], "bytes_in": call["bytes_sent"],
            "frames_out": call["frames_echoed"], "bytes_out": call["frames_echoed"] * 160, "frames_lost": 0}


def expected_of_said(call):
    return {"provider": "twilio", "stream_id": call.stream, "account_id": call.account, "custom": call.custom,
            "state": "ended", "end_reason": "stop", "codec": "PCMU", "sample_rate": 8000, "frames_in": call.frames,
            "bytes_in": call.frames * 160, "frames_out": call.frames, "bytes_out": call.frames * 160,
            "frames_lost": 0, "max_gap_ms": 0, "dtmf": call.digits}


def differences(row, expected):
    wrong = {key: (row[key], value) for key, value in expected.items() if row[key] != value}
    return [f"{row['provider_call_id']}: (the row, the caller) {text(str(wrong))}"] if wrong else []


def times(row, call):
    """Start, end and length are about what the caller's watch says."""
    if row["began"] < call.began - CLOCK or row["over"] > call.ended + CLOCK:
        return [f"{call.sid}: {row['began']}..{row['over']}, the caller: {call.began}..{call.ended}"]
    if abs(row["duration_ms"] / 1000 - (call.ended - call.began)) > CLOCK:
        return [f"{call.sid}: lasted {row['duration_ms']} ms, the caller: {call.ended - call.began} s"]
    return []


def events_of(found):
    return tuple([(event["kind"], event["data"]) for event in found if event["kind"] == kind]
                 for kind in ("dtmf", "mark"))


def whole(call, row, found):
    """A call that ended with a stop and a good close: all of it is known."""
    wrong = differences(row, expected_of_said(call)) + times(row, call)
    if events_of(found) != call.events:
        wrong.append(f"{call.sid}: events {text(str(events_of(found)))}, the caller: {call.events}")
    if {event["kind"] for event in found} - {"dtmf", "mark"}:
        wrong.append(f"{call.sid}: events of no cause: {text(str(found))}")
    return wrong


def broken_off(call, row, found, reasons):
    """Of a call that was cut it is known how it ended, and how much there was at the most."""
    wrong = []
    if row["state"] != "ended" or row["end_reason"] not in reasons:
        wrong.append(f"{call.sid}: {row['state']} {row['end_reason']}, expected one of {sorted(reasons)}: {call}")
    same = {"stream_id": call.stream, "account_id": call.account, "custom": call.custom}
    wrong += differences(row, same)
    if row["end_reason"] != "interrupted" and (row["frames_in"] > call.frames or row["frames_out"] < call.heard):
        wrong.append(f"{call.sid}: {row['frames_in']} in, {row['frames_out']} out; the caller: {call}")
    for are, were in zip(events_of(found), call.events):
        if are != were[: len(are)]:
            wrong.append(f"{call.sid}: events {are}, the caller: {were}")
    return wrong


def of_said(call, row, found, broken):
    if call.how in (REFUSED, NOBODY):
        return [f"{call.sid}: has a row and never began: {row}"] if row else []
    if row is None:
        # The start was still under way when the process died.
        fine = call.how == CUT or (call.how == BROKEN and broken and call.heard == 0)
        return [] if fine else [f"{call.sid}: no row: {call}"]
    if call.how == STOP:
        return whole(call, row, found)
    if call.how == CUT:
        return broken_off(call, row, found, {"disconnect", *broken})
    return broken_off(call, row, found, set(broken) | ({"stop"} if call.stopped else set()))


def echoes(call):
    """No frame lost or changed by us."""
    if call.changed or (call.how == STOP and call.heard != call.frames) or "unexpected" in (call.wrong or ""):
        return [f"{call.sid}: {call.frames} frames, {call.heard} came back, {call.changed} changed: {call.wrong}"]
    return []


def twice(items, what):
    seen, wrong = set(), []
    for item in items:
        if item in seen:
            wrong.append(f"{what} {item} is there twice")
        seen.add(item)
    return wrong


def problems(rows, events, load, said, broken=(), dead=()):
    """`load`: holdload's calls. `said`: a crowd's. `broken`: the end reasons that a call may have which the
    server broke off; empty: no call may be. `dead`: ids of calls that the database refuses for good."""
    by_sid = {row["provider_call_id"]: row for row in rows}
    of_call = {}
    for event in events:
        of_call.setdefault(event["call_id"], []).append(event)
    wrong = twice([row["provider_call_id"] for row in rows], "call") + twice([row["call_id"] for row in rows], "row")
    wrong += twice([event["event_id"] for event in events], "event")
    known = {call["callSid"] for call in load} | {call.sid for call in said}
    wrong += [f"{sid}: nobody knows of it" for sid in set(by_sid) - known]
    wrong += [f"{event}: of no call" for event in events if event["call_id"] not in {r["call_id"] for r in rows}
              and not dead]
    for call in load:
        sid = call["callSid"]
        if sid in dead or not call.get("started", True):
            wrong += [f"{sid}: has a row"] if sid in by_sid else []
        elif sid not in by_sid:
            wrong.append(f"{sid}: no row")
        else:
            wrong += differences(by_sid[sid], expected_of_load(call))
    for call in said:
        if call.sid in dead:
            wrong += [f"{call.sid}: has a row"] if call.sid in by_sid else []
            continue
        row = by_sid.get(call.sid)
        wrong += of_said(call, row, of_call.get(row["call_id"], []) if row else [], broken) + echoes(call)
        if not broken and call.how in (BROKEN, NOBODY, REFUSED):
            wrong.append(f"{call.sid}: the call was not served: {call}")
    return wrong
