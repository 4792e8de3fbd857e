from xps_stn_plugin.simulate.drawing import ahead


def test_batches_come_in_order_whatever_the_workers():
    for workers in (0, 1, 3, 100):
        assert list(ahead(lambda number: number, range(2, 13), workers)) == list(range(2, 13))
    assert list(ahead(lambda number: number, range(0), 2)) == []
