"""A secret file is made once, whole, for its owner."""

from concurrent.futures import ThreadPoolExecutor

from tollhouse.secret_file import make_once


def test_whoever_comes_first_writes_it_and_all_read_the_same(tmp_path):
    file = tmp_path / "folder" / "secret"

    def make(number):
        make_once(file, f"secret {number}")
        return file.read_text()

    with ThreadPoolExecutor(16) as pool:
        read = set(pool.map(make, range(64)))
    assert len(read) == 1
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["secret"]
