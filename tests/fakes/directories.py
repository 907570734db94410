"""The real directory over any adapter, with or without what stands before a CRM."""

from __future__ import annotations

import time

from calls.ports import SegmentReader
from config.settings import CrmSettings
from crm_adapter.adapter import CrmAdapter
from crm_adapter.directory import Directory
from crm_adapter.live.answer_cache import AnswerCache, CacheLimits
from crm_adapter.live.look_up import LookUp
from crm_adapter.live.number_choices import NumberChoices
from crm_adapter.live.phone_index import PhoneIndex
from tests.fakes.crm_rows import NoSegments


def directory_over(
    crm: CrmAdapter,
    *,
    settings: CrmSettings | None = None,
    segments: SegmentReader | None = None,
    cache: AnswerCache | None = None,
    index: PhoneIndex | None = None,
    choices: NumberChoices | None = None,
) -> Directory:
    """By default nothing is remembered from one question to the next."""
    settings = settings or CrmSettings()
    if cache is None:
        cache = AnswerCache(limits=CacheLimits(fresh_s=0), now=time.monotonic)
    look_up = LookUp(
        adapter=crm,
        settings=settings,
        cache=cache,
        index=index,
        choices=choices,
    )
    return Directory(
        adapter=crm, segments=segments or NoSegments(), settings=settings, look_up=look_up
    )
