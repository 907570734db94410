"""The side of a centre that callers talk with: FastAGI, dialogs, speech, hold programmes. Any
number of processes can do this for one Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from aiohttp import web

from ami_bridge.agi_server import AgiServer, DialogWatcher
from ami_bridge.prompt_delays import PromptDelays
from calls.bus import EventBus
from calls.ports import CallJournal, QueueExits, QueuePlaces
from calls.recordings import LineRecordings
from config.neighbours import Neighbours
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.pins import Pins
from ivr import http_routes
from ivr.hold import HoldProgrammes
from ivr.hold_addresses import key_of_this_process
from ivr.hold_keys import CallbackKeys
from ivr.hold_sounds import HoldSounds
from ivr.inbound import InboundCalls
from ivr.music import Music
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts
from ivr.recordings import Recordings
from ivr.speech_engines import engine_for
from ivr.webhooks import HttpWebhooks
from ivr.withdrawn import WithdrawnCalls
from scoring.memories import Memories
from scoring.serving.scorer_made import models_in, scorer_of
from switchboard import warm_up
from switchboard.ground import Ground
from switchboard.listening import listening

#: Dialogs that live when we stop have this long; then their callers get the fallback queue.
DIALOG_GRACE_S = 10.0


class CallerSide:
    """`remember`, `build`, and `accept` last, when everything behind a call works. `places`,
    `exits` and `recordings` are of whoever follows Asterisk; `also_told_by` is where it tells what
    it sees, if not on the ground's bus."""

    def __init__(
        self,
        ground: Ground,
        *,
        places: QueuePlaces,
        exits: QueueExits,
        recordings: LineRecordings,
        also_told_by: Sequence[EventBus] = (),
        node: str = "",
    ) -> None:
        self._ground = ground
        self._also_told_by = also_told_by
        self._places = places
        self._node = node
        self._exits = exits
        self._recordings = recordings
        self._bus: EventBus = ground.bus
        self.models = models_in(ground.settings.scoring.models_dir)
        self._memories = Memories(database=ground.database, settings=ground.settings.scoring)
        self._pins = Pins(database=ground.database, hashes=EmbeddedCrm(database=ground.database))
        ground.stages.on_stop("memories", self._memories.close, 2)
        ground.stages.on_stop("pins", self._pins.close, 2)

    async def build(self) -> None:
        settings, speech = self._ground.settings, self._ground.settings.speech
        stages, rulebooks = self._ground.stages, self._ground.rulebooks
        engine = await stages.enter("speech", engine_for(speech), 3)
        self._prompt_store = await stages.enter(
            "prompts",
            PromptStore(
                folder=speech.cache_dir,
                limit_bytes=speech.cache_mb * 2**20,
                base_url=self._ground.web_url,
            ),
            limit_s=5,
        )
        recordings = Recordings(sound_path=rulebooks.versions.sound_path)
        prompts = Prompts(
            store=self._prompt_store,
            engine=engine,
            stand_in=engine.stand_in,
            recordings=recordings,
        )
        self._ground.health.add_counters(self._prompt_store.counters)
        self._ground.forgetting.add("texts spoken", prompts.forget)
        music = Music(store=self._prompt_store, file=speech.music)
        await music.open()
        await self._start_hold(prompts, music)
        webhooks = HttpWebhooks(settings=settings.rulebook)
        self._inbound = await stages.enter(
            "dialogs",
            InboundCalls(
                directory=self._ground.directory,
                rulebooks=rulebooks,
                speech=prompts,
                recordings=self._recordings,
                hold=self._hold,
                bus=self._bus,
                memories=self._memories,
                scorer=scorer_of(
                    house=self._ground.house,
                    associations=self._ground.associations,
                    models=self.models,
                    horizon_days=settings.scoring.horizon_days,
                    metrics=self._ground.health.registry,
                ),
                ledger=self._ground.ledger,
                policies=self._ground.policies,
                experiments=self._ground.experiments,
                pins=self._pins,
                webhooks=await stages.enter("webhooks", webhooks, 3),
                crm=settings.crm,
                rulebook=settings.rulebook,
                speech_deadline_s=speech.deadline_s,
            ),
            limit_s=5,
        )
        self.warm_up = warm_up.WarmUp(prompts=prompts, rulebooks=rulebooks)
        await stages.enter("warm-up", self.warm_up, 5)

    async def _start_hold(self, prompts: Prompts, music: Music) -> None:
        sounds = HoldSounds(speech=prompts, music=music, store=self._prompt_store)
        await sounds.open()
        keys = self._ground.settings.speech.cache_dir / "hold.keys"
        key = await asyncio.to_thread(key_of_this_process, keys, datetime.now(UTC))
        self._hold = HoldProgrammes(
            sounds=sounds,
            places=self._places,
            bus=self._bus,
            base_url=self._ground.web_url,
            key=key,
            node=self._node,
        )
        self._hold.subscribe(*self._also_told_by)
        CallbackKeys(exits=self._exits, bus=self._bus).subscribe(*self._also_told_by)

    def add_routes(
        self, app: web.Application, others: http_routes.OtherProcesses | None = None
    ) -> None:
        http_routes.add_routes(app, store=self._prompt_store, hold=self._hold, others=others)

    async def accept(
        self, *, journal: CallJournal, calls: DialogWatcher, grace_s: float = DIALOG_GRACE_S
    ) -> AgiServer:
        """Callers, from now on. Dialogs that live when we stop have `grace_s`."""
        settings = self._ground.settings
        agi = AgiServer(
            settings=settings.agi,
            system=settings.ami.system,
            more_systems=[one.system for one in settings.nodes.asterisks],
            near=Neighbours.calling(settings),
            journal=journal,
            bus=self._bus,
            calls=calls,
            handler=self._inbound.serve,
            withdrawn=WithdrawnCalls(house=self._inbound, exits=self._exits).serve,
            prompt_delays=PromptDelays(self._ground.health.registry),
        )
        with listening("FastAGI", section="agi", host=settings.agi.host, port=settings.agi.port):
            await agi.start()
        self._ground.stages.on_stop("agi", lambda: agi.stop(grace_s), grace_s + 5)
        return agi
