"""The store on object storage: over HTTP, against a server that speaks S3's protocol."""

import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest

from dnalyaw.pit import AsOf, BitemporalStore, StoreError
from tests.pit import _writer
from tests.pit._oracle import FEED, KEY, answers, at, frame, known

moto_server = pytest.importorskip("moto.server", reason="moto is not installed")
pytest.importorskip("s3fs", reason="s3fs is not installed (extra `s3`)")

NO_RETRIES = {"retries": {"total_max_attempts": 1}, "connect_timeout": 1}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = moto_server.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def options(endpoint) -> dict:
    import boto3

    given = {
        "key": "any",
        "secret": "any",
        "endpoint_url": endpoint,
        "client_kwargs": {"region_name": "us-east-1"},
    }
    bucket = f"lake-{uuid.uuid4().hex[:12]}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="any",
        aws_secret_access_key="any",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=bucket)
    return {"url": f"s3://{bucket}/dnalyaw", "keys": {FEED: KEY}, **given}


def deliver(store: BitemporalStore, numbers: range) -> None:
    for number in numbers:
        store.append("US", FEED, frame(_writer.batch(number)), ingested_at=at(number))


def rows(count: int) -> list:
    return [row for number in range(count) for row in _writer.batch(number)]


def test_a_table_on_object_storage_is_the_table_it_is_on_a_disk(options):
    store = BitemporalStore(**options)
    deliver(store, range(4))
    assert store.append("US", FEED, frame(_writer.batch(2)), ingested_at=at(2)).rows == 0
    for _ in range(2):
        for moment in (0, 2, 30, 200):
            assert answers(store.read("US", FEED, AsOf(at(moment)))) == known(rows(4), moment)
        store.compact("US", FEED)
    other = BitemporalStore(**options)
    only = other.read(
        "US", FEED, AsOf(at(200)), instruments=[3], start=at(24), columns=["instrument_id", "day"]
    )
    assert sorted(only.iter_rows()) == [(3, day) for day in range(1, _writer.DAYS)]
    assert other.vacuum("US", FEED, older_than=timedelta(0)) > 0
    assert answers(store.read("US", FEED, AsOf(at(200)))) == known(rows(4), 200)


def test_two_writers_on_object_storage_both_land(options):
    faults = []

    def write(first: int) -> None:
        try:
            deliver(BitemporalStore(**options), range(first, first + 4))
        except Exception as error:  # noqa: BLE001 (whatever it is, the test names it)
            faults.append(error)

    threads = [threading.Thread(target=write, args=(first,)) for first in (0, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    store = BitemporalStore(**options)
    assert store.state("US", FEED).seq == 8
    assert answers(store.read("US", FEED, AsOf(at(200)))) == known(rows(8), 200)


def test_object_storage_out_of_reach_is_said(options):
    store = BitemporalStore(**(options | {"endpoint_url": "http://127.0.0.1:9", "config_kwargs": NO_RETRIES}))
    with pytest.raises(StoreError, match=r"us/points/log cannot be read .*is the store there"):
        deliver(store, range(1))
