"""The judge is judged: each kind of wrong that a row can be is seen, or no test here proves anything."""

import unittest

from chaos import Chaos, load_tests


class Reckoning(Chaos):
    WRONGS = {
        "a lost row": "DELETE FROM calls WHERE call_id = '{0}'",
        "a double row": "INSERT INTO calls SELECT (jsonb_populate_record(c, '{{\"call_id\": "
                        "\"00000000-0000-7000-8000-000000000001\"}}')).* FROM calls c WHERE call_id = '{0}'",
        "a row that is not final": "UPDATE calls SET state = 'live' WHERE call_id = '{0}'",
        "another end": "UPDATE calls SET end_reason = 'disconnect' WHERE call_id = '{0}'",
        "a lost frame": "UPDATE calls SET frames_in = frames_in - 1 WHERE call_id = '{0}'",
        "other parameters": "UPDATE calls SET custom = '{{\"x\": 1}}' WHERE call_id = '{0}'",
        "a lost digit": "UPDATE calls SET dtmf = dtmf || '1' WHERE call_id = '{0}'",
        "another length": "UPDATE calls SET duration_ms = duration_ms + 5000 WHERE call_id = '{0}'",
        "another time": "UPDATE calls SET started_at = started_at - interval '10 s' WHERE call_id = '{0}'",
        "a double event": "INSERT INTO call_events VALUES (gen_random_uuid(), '{0}', now(), 'dtmf', '{{\"digit\": \"1\"}}')",
        "an event of no call": "INSERT INTO call_events VALUES (gen_random_uuid(), gen_random_uuid(), now(), 'dtmf', NULL)",
        "a stranger": "INSERT INTO calls SELECT (jsonb_populate_record(c, '{{\"provider_call_id\": \"CAx\", \"call_id\": "
                      "\"00000000-0000-7000-8000-000000000002\"}}')).* FROM calls c WHERE call_id = '{0}'",
    }

    def test_every_kind_of_wrong_is_seen(self):
        self.serve()
        crowd = self.crowd_in(longest=1.0, cut=0.0)
        self.nobody_noticed(self.reap(self.stream(1, 5)))
        self.finish()
        self.store.sql("CREATE TABLE calls_kept AS TABLE calls", "CREATE TABLE events_kept AS TABLE call_events")
        (row,) = self.store.rows(f"SELECT call_id FROM calls WHERE provider_call_id = '{crowd.calls[0].sid}'")
        for what, statement in self.WRONGS.items():
            with self.subTest(what):
                self.store.sql(statement.format(row["call_id"]))
                self.assertNotEqual(self.problems(), [])
                self.store.sql("TRUNCATE calls, call_events; INSERT INTO calls TABLE calls_kept; "
                               "INSERT INTO call_events TABLE events_kept")
                self.assertEqual(self.problems(), [])

    def test_a_caller_that_heard_less_or_something_else_is_heard(self):
        self.serve()
        crowd = self.crowd_in(longest=1.0, cut=0.0)
        self.nobody_noticed(self.reap(self.stream(1, 5)))
        self.finish()
        for change in ({"heard": -1}, {"changed": 1}, {"how": "broken"}, {"how": "nobody"}):
            with self.subTest(change):
                call = crowd.calls[0]
                before = vars(call).copy()
                for key, value in change.items():
                    setattr(call, key, value if isinstance(value, str) else getattr(call, key) + value)
                self.assertNotEqual(self.problems(), [])
                vars(call).update(before)
                self.assertEqual(self.problems(), [])


if __name__ == "__main__":
    unittest.main()
