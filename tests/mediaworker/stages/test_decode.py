import numpy as np

from mediaworker.media import Batch, Media
from mediaworker.stages.decode import decode
from mediaworker.streams import Law


def test_each_sample_by_its_own_law() -> None:
    media = Media.private(4)
    mark = {law: (law + 1) << 8 for law in Law}
    media.streams.coded[2, :4] = [0, mark[Law.PCMU] | 0x80, mark[Law.PCMA] | 0xAA, 0]
    media.streams.coded[3, :2] = mark[Law.PCMU]
    decode(media, Batch(np.array([2, 3]), 160))
    assert media.streams.pcm[2, :5].tolist() == [0, 32124, 32256, 0, 0]
    assert media.streams.pcm[3, :3].tolist() == [-32124, -32124, 0]


def test_only_the_given_rows_and_samples_change() -> None:
    media = Media.private(3)
    media.streams.coded[:] = 0x180
    decode(media, Batch(np.array([1]), 80))
    assert np.count_nonzero(media.streams.pcm, axis=1).tolist() == [0, 80, 0]
