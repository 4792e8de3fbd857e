import pytest

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.simulate.config import SimulationConfig


def test_the_default_is_complete():
    config = SimulationConfig.load()
    assert config.shift_range == (-8.0, 8.0)
    assert config.drop_signal["S2p"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no table"),
        ("[simulation]\nstructure_seed = 1\n", "missing"),
        ("[simulation]\ntypo = 1\n", "missing|unknown"),
        ("[simulation", "cannot be read"),
    ],
)
def test_a_wrong_file_gets_one_sentence(tmp_path, text, word):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(PrefitError, match=word) as caught:
        SimulationConfig.load(path)
    assert str(path) in str(caught.value)


def test_an_unknown_entry_is_named():
    table = {**SimulationConfig.load().as_dict(), "colour": 1}
    with pytest.raises(PrefitError, match="'colour' is unknown"):
        SimulationConfig.from_mapping("here", table)
