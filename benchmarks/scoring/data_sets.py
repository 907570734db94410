"""The public data that the goals are measured on: which files, and where they come from.

They are not part of this repository: some are for research only, and all are larger than it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Source:
    """`made`: what to do with what one finds at `url`."""

    name: str
    url: str
    made: str


_BANK = Source(
    "UCI Bank Marketing",
    "https://archive.ics.uci.edu/dataset/222/bank+marketing",
    "bank-additional-full.csv, gzipped",
)
_CDNOW = Source(
    "CDNOW (Fader and Hardie)",
    "https://www.brucehardie.com/datasets/",
    "CDNOW_master.txt and CDNOW_sample.txt, gzipped",
)
_RETAIL = Source(
    "UCI Online Retail",
    "https://archive.ics.uci.edu/dataset/352/online+retail",
    "its one sheet as Parquet, the columns as they are named there",
)
_GROCERIES = Source(
    "Complete Journey",
    "https://github.com/bradleyboehmke/completejourney",
    "each of its tables as Parquet; get_transactions() gives the whole of the largest",
)
_CALLS = Source(
    "Anonymous Bank (Technion)",
    "http://ie.technion.ac.il/serveng/callcenterdata/index.html",
    "the calls of 1 to 21 February 1999, tabs between columns, the heading first, gzipped",
)
_OF_GROCERIES = (
    "transactions",
    "products",
    "campaigns",
    "coupon_redemptions",
    "campaign_descriptions",
    "coupons",
)
FILES: dict[str, Source] = {
    "bank-additional-full.csv.gz": _BANK,
    "CDNOW_sample.txt.gz": _CDNOW,
    "CDNOW_master.txt.gz": _CDNOW,
    "online_retail.parquet": _RETAIL,
    **{f"completejourney_{table}.parquet": _GROCERIES for table in _OF_GROCERIES},
    "anonymous_bank_calls_1999-02_01-21.tsv.gz": _CALLS,
}
#: By part of the benchmark; a part that is not named needs none.
NEEDED: dict[str, tuple[str, ...]] = {
    "bank": ("bank-additional-full.csv.gz",),
    "cdnow-sample": ("CDNOW_sample.txt.gz",),
    "cdnow": ("CDNOW_master.txt.gz",),
    "online-retail": ("online_retail.parquet",),
    "complete-journey": tuple(f"completejourney_{table}.parquet" for table in _OF_GROCERIES),
    "bank-calls": ("anonymous_bank_calls_1999-02_01-21.tsv.gz",),
    "features": ("completejourney_transactions.parquet", "completejourney_products.parquet"),
}


def missing(folder: Path, parts: Iterable[str]) -> list[str]:
    """Names of files that these parts need and `folder` has not."""
    wanted = {name: None for part in parts for name in NEEDED.get(part, ())}
    return [name for name in wanted if not (folder / name).is_file()]


def where_to_get(files: Iterable[str]) -> Iterator[str]:
    """A line for each file, and one for each source."""
    by_source: dict[Source, list[str]] = {}
    for name in files:
        by_source.setdefault(FILES[name], []).append(name)
    for source, names in by_source.items():
        yield from (f"  {name}" for name in names)
        yield f"    of {source.name}, {source.url} ({source.made})"
