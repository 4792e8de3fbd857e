import pytest

from xps_prefit_hooks import PrefitError
from xps_stn_plugin._util.toml import check_entries, read_tables


def test_tables_are_read(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text("[one]\nx = 1\n")
    assert read_tables(path, "one") == {"one": {"x": 1}}
    with pytest.raises(PrefitError, match=r"no table \[two\]"):
        read_tables(path, "one", "two")
    with pytest.raises(PrefitError, match="cannot be read"):
        read_tables(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("entries", "said"), [({"a": 1, "c": 2}, "'b' is missing"), ({"a": 1, "b": 1, "z": 2}, "'z' is unknown")]
)
def test_the_first_wrong_entry_is_named(entries, said):
    with pytest.raises(PrefitError, match=said):
        check_entries("here", "one", entries, {"a", "b"}, "there")
    check_entries("here", "one", {"a": 1, "b": 2}, {"a", "b"}, "there")


@pytest.mark.parametrize("text", ["[one]\nx = " + "9" * 5000, "[one]\nx = " + "[" * 5000, "[one]\nx = é\x00"])
def test_what_is_no_configuration_ends_in_a_sentence(tmp_path, text):
    path = tmp_path / "a.toml"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(PrefitError, match="cannot be read"):
        read_tables(path, "one")
