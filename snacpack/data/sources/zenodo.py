"""The published data set of jets, downloaded."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from snacpack.data.info import DataInfo
from snacpack.data.source import Source
from snacpack.jets.info import background_faults, describe_jets


def _describe(config: Mapping[str, Any], trust: bool) -> DataInfo:
    return describe_jets(config, f"hls4ml LHC jet data set, {config['data']['zenodo']['url']}")


def _address_faults(data: Mapping[str, Any]) -> Iterator[str]:
    zenodo = data["zenodo"]
    try:
        address = urlsplit(zenodo["url"])
        host, _ = address.hostname, address.port
    except ValueError as error:
        yield f"data.zenodo.url: {zenodo['url']!r} is not an address ({error}); give one like https://host/folder"
        return
    if not host:
        yield f"data.zenodo.url: {zenodo['url']!r} has no host name; give an address like https://host/folder"
    elif address.username is not None:
        yield (
            "data.zenodo.url: it contains a user name, which would appear in logs and the report; put it into ~/.netrc"
        )
    elif address.scheme == "http" and host not in ("localhost", "127.0.0.1", "::1"):
        for split in ("train", "val"):
            if zenodo["archives"][split]["md5"] is None:
                yield (
                    f"data.zenodo.archives.{split}.md5: needed where data.zenodo.url is http, since anyone on the way "
                    "can change what comes; give it, or take an https address"
                )


SOURCE = Source(
    "zenodo",
    "the published data set, record 3602260",
    data_set="jets",
    describe=_describe,
    faults=background_faults,
    settings_faults=_address_faults,
)
