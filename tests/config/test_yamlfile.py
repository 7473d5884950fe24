"""YAML is read as DVC reads it, and what other readers understand differently, or no person writes, is refused at once."""

from itertools import pairwise

import pytest
from dvc.utils.serialize import parse_yaml
from hypothesis import given
from hypothesis import strategies as st

from lrsweep.config import yamlfile
from lrsweep.errors import UserError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1.0e-4", 0.0001),
        ("4e1", 40.0),
        ("-.5", -0.5),
        ("0", 0),
        ("0.5", 0.5),
        ("0x1F", 31),
        ("+3", 3),
        ("~", None),
        ("yes", "yes"),
        ("'0100'", "0100"),
        ("[1, 2]", [1, 2]),
        ("{b: {c: []}}", {"b": {"c": []}}),
        ("&x 1\nb: *x", 1),
    ],
)
def test_values_are_those_of_yaml_1_2_as_dvc_has_them(text, value):
    assert yamlfile.parse(f"a: {text}\n", "it")["a"] == value == parse_yaml(f"a: {text}\n", "it")["a"]


@pytest.mark.parametrize("number", ["0100", "-07", "00", "1:30", "1:30.5", "1_000", "1_0.5", "0.1_1", "0o17", "0b11"])
def test_numbers_that_readers_understand_differently_are_refused(number):
    with pytest.raises(UserError, match=r"^it: line 2: found .*differently, expected a number in plain figures.*; leave out"):
        yamlfile.parse(f"a: 1\nb: [{number}]\n", "it")
    assert yamlfile.parse(f"b: '{number}'", "it") == {"b": number}


NINE = "".join(f"{name}: &{name} [{f'*{before}, ' * 9}]\n" for before, name in pairwise("abcdefghi"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"a: &a [1]\n{NINE}", "line 1: found a file too large"),
        ("a: &a [*a]\n", "line 1: found a file too large"),
        ("a: " + "[" * 100_000, "line 1: found more than 20 levels"),
        ("a:\n" + "\n".join(f"{' ' * i}- " for i in range(1, 5000)), "line 22: found more than 20 levels"),
        ("a: " + "9" * 5000, "line 1: found 999"),
        ("a: 2001-99-99\n", "line 1: found 2001-99-99"),
        ("a: !!bool maybe\n", "line 1: found maybe"),
        ("a: !!set {b}\n", "line 1: found the tag"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", "line 2: found '<<' as a key"),
        ("a: *b\n", "line 1: found what is not YAML"),
        ("a: 1\n---\nb: 1\n", "line 2: found what is not YAML"),
        ("? [a]\n: 1\n", "line 1: found 'a list or a mapping' as a key"),
    ],
    ids=lambda text: text[:20],
)
def test_what_no_person_writes_is_refused(text, says):
    with pytest.raises(UserError, match=f"^it: {says}.*, expected .*; "):
        yamlfile.parse(text, "it")


def test_a_file_past_all_bounds_is_not_read(tmp_path):
    (tmp_path / "big.yaml").write_bytes(b"a: 1\n" * 100_000)
    with pytest.raises(UserError, match="found more than 262144 bytes"):
        yamlfile.read(tmp_path / "big.yaml")


@given(st.text(st.sampled_from("ab:{}[],-&*!?|>'\"%@# \n\t01_.eé\x07"), max_size=40))
def test_any_text_is_a_mapping_or_one_line(text):
    try:
        assert isinstance(yamlfile.parse(text, "it"), dict)
    except UserError as error:
        assert str(error).startswith("it: ") and "\n" not in str(error) and ", expected " in str(error)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ab: #'\"{é", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(tree=st.dictionaries(st.text("abc", min_size=1, max_size=3), values, min_size=1, max_size=4), flow=st.booleans())
def test_what_is_written_is_read_again(tree, flow):
    text = yamlfile.dump(tree, flow)
    assert yamlfile.parse(text, "it") == tree and list(yamlfile.parse(text, "it")) == list(tree)
    assert not flow or text.count("\n") == 1
