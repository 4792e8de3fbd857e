from dataclasses import replace

import numpy as np
import pytest

from benchmarks.structures import CONFIGURATION, drawn, figures, libraries, read_batch
from xps_stn_plugin.chemistry.groups import group_names
from xps_stn_plugin.simulate.config import SimulationConfig
from xps_stn_plugin.simulate.structures import generate_structures, reference_structures
from xps_stn_plugin.stn.weights import shipped_weights


def test_structures_never_seen_are_in_no_other_library():
    config = replace(SimulationConfig.load(CONFIGURATION), generated_structures=60)
    chosen = libraries(config, 20, 3)
    assert chosen["reference polymers"].structures == reference_structures()
    trained = set(generate_structures(60, config.structure_seed))
    assert set(chosen["generated, trained"].structures) < trained
    unseen = set(chosen["generated, never seen"].structures)
    assert len(unseen) == 20
    assert unseen.isdisjoint(trained | set(reference_structures()))


def test_figures_count_parents_and_sets():
    names = group_names()
    labels = np.zeros((3, len(names)), dtype=bool)
    probabilities = np.full(labels.shape, 0.01)
    alcohol, ether, amine = (names.index(name) for name in ("alcohol (aliphatic)", "ether (aliphatic)", "amine"))
    # Right; the wrong member of the right parent, whose own probability comes next; a missed group, sure to be absent.
    labels[0, alcohol], probabilities[0, alcohol] = True, 0.9
    labels[1, alcohol], probabilities[1, ether] = True, 0.9
    labels[2, amine] = True
    found = figures(np.array([0.0, 0.1, -0.2]), probabilities, labels)
    assert found["median"] == pytest.approx(0.1)
    assert found["exact"] == pytest.approx(1 / 3)
    assert found["parents_exact"] == pytest.approx(2 / 3)
    assert found["among_three"] == pytest.approx(1 / 3)
    probabilities[2, amine] = 0.4
    assert figures(np.zeros(3), probabilities, labels)["among_three"] == pytest.approx(2 / 3)


def test_a_batch_of_reference_polymers_is_read():
    config = replace(SimulationConfig.load(CONFIGURATION), generated_structures=1)
    library = libraries(config, 1, 3)["reference polymers"]
    batches = list(drawn(library, config, 40, 1))
    assert sum(len(batch.shift) for batch in batches) == 40
    assert not any(batch.outside.any() for batch in batches)
    answers = read_batch(shipped_weights(), batches[0])
    assert np.median(np.abs(answers.shift - batches[0].shift)) < 0.3
