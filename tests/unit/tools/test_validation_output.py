"""What the output of an OCI validation program says."""

from collections import Counter

from tests.support.validation import read


def test_assertions_are_counted_by_their_text_and_skips_apart() -> None:
    out = "TAP version 13\nok 1 - a\nnot ok 2 - b\nok 3 - a\nok 4 # SKIP c\n1..4\n"
    result = read(0, out, "")
    assert (result.passed, result.failed, result.skipped) == (Counter(a=2), Counter(b=1), 1)


def test_what_changes_from_run_to_run_is_masked() -> None:
    assert read(0, "ok 1 - stat /mnt/ocitest3026109317/output", "").passed == {"stat /mnt/*/output": 1}


def test_an_error_without_an_assertion_is_a_complaint_and_one_below_an_assertion_belongs_to_it() -> None:
    complaint = '  ---\n  {\n    "error": "Hooks MUST\\nRefer to: x"\n  }\n  ...\n'
    assert read(0, f"TAP version 13\n{complaint}1..0\n", "").failed == {"Hooks MUST": 1}
    assert not read(0, f"ok 1 - a\n{complaint}1..1\n", "").failed


def test_a_program_without_a_word_has_passed_but_not_one_that_gave_up_or_took_too_long() -> None:
    assert read(0, "TAP version 13\n1..0\n", "").passed == {"found nothing to complain about": 1}
    assert read(1, "", "no").failed == {"gave up": 1}
    assert read(None, "", "").failed == {"did not end within 90 s": 1}
