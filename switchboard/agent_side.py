"""The agents' desk with all the ways that its pops go, built from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from prometheus_client import CollectorRegistry

from calls.bus import EventBus
from calls.ports import FollowUps, OfferAnswers, QueueControl, QueueMembership, Transfers
from calls.recordings import LineRecordings
from config.pop_settings import PopsSettings
from config.settings import Settings
from crm_adapter import pop_hooks
from crm_adapter.hook_workers import HookWorkers
from crm_adapter.outbox_worker import DeliveryPace
from screenpop.counters import DeskCounters
from screenpop.delivery.open_address import OpenAddresses
from screenpop.delivery.pop_hooks import PopHooks
from screenpop.desk.desk import Desk
from storage.database import Database

#: Frames that come so close together are claimed at once; an agent's phone rings meanwhile.
GATHER_S = 0.02


def agent_side(
    *,
    settings: Settings,
    database: Database,
    bus: EventBus,
    queue_control: QueueControl,
    memberships: Mapping[str, QueueMembership],
    transfers: Transfers,
    recordings: LineRecordings,
    offers: OfferAnswers,
    follow_ups: FollowUps,
    registry: CollectorRegistry,
) -> tuple[Desk, HookWorkers]:
    """To be entered in the other order: what the desk owes webhooks as it ends goes out too."""
    pops = settings.pops
    workers = _workers(database, pops)
    desk = Desk(
        database=database,
        bus=bus,
        queue_control=queue_control,
        memberships=memberships,
        queues=settings.queues,
        transfers=transfers,
        recordings=recordings,
        offers=offers,
        follow_ups=follow_ups,
        work=settings.agents,
        web=settings.web,
        softphone=settings.softphone,
        dialling=settings.dialling,
        region=settings.crm.region,
        counters=DeskCounters(registry),
        lead_url=settings.crm.lead_url,
        task_url=settings.crm.task_url,
        opener=OpenAddresses(pops.addresses),
        also_owed=PopHooks(hooks=pops.webhooks, owe=pop_hooks.PopNotices().owe).of_frames,
        owed=workers.wake,
    )
    return desk, workers


def _workers(database: Database, pops: PopsSettings) -> HookWorkers:
    return HookWorkers(
        database=database,
        targets=[pop_hooks.target_of(hook) for hook in pops.webhooks],
        prefix=pop_hooks.LANES,
        pace=DeliveryPace(
            give_up_after=timedelta(hours=pops.webhook_attempts_h), gather_s=GATHER_S
        ),
    )
