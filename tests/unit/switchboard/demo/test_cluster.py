"""The settings of the demo of several processes fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import Settings
from switchboard.demo.cluster import SYSTEMS, Cluster
from switchboard.demo.cluster_show import ClusterCounts
from switchboard.demo.counts import DemoCounts
from switchboard.nodes.desk_part import check, systems_of

pytestmark = pytest.mark.unit

STORAGE, REDIS = "postgresql://switchboard@127.0.0.1:1/postgres", "redis://127.0.0.1:2/0"


def test_both_nodes_and_the_desk_follow_both_asterisks(tmp_path: Path) -> None:
    cluster = Cluster(folder=tmp_path, storage_url=STORAGE, redis_url=REDIS)
    processes = [*cluster.nodes, cluster.desk]
    read = [Settings.model_validate(process.settings) for process in processes]
    for settings in read:
        assert systems_of(settings) == list(SYSTEMS)
        assert check(settings) == REDIS
        amis = (settings.ami, *settings.nodes.asterisks)
        assert [ami.port for ami in amis] == [pbx.ami_port for pbx in cluster.pbxes]
    first, second, desk = read
    assert len({s.agi.port for s in (first, second)} | {s.web.port for s in (first, second)}) == 4
    # Each Asterisk asks a process of its own first.
    assert [pbx.agi_port for pbx in cluster.pbxes] == [first.agi.port, second.agi.port]
    assert cluster.desk.base_url == f"http://127.0.0.1:{desk.nodes.desk_port}"
    states = {settings.rulebook.state_dir for settings in read}
    assert len(states) == 3, "each has files of its own"


def test_an_agent_has_the_same_phone_at_both(tmp_path: Path) -> None:
    cluster = Cluster(folder=tmp_path, storage_url=STORAGE, redis_url=REDIS, agents=2)
    assert [agent.interfaces for agent in cluster.agents] == [("PJSIP/agent1",), ("PJSIP/agent2",)]
    one, other = ([agent.endpoint for agent in pbx.agents] for pbx in cluster.pbxes)
    assert one == other == ["agent1", "agent2"]


def test_the_counts_say_what_came_after_the_kill() -> None:
    all_ = DemoCounts(
        calls_offered=10,
        calls_served=9,
        menus_completed=5,
        queued=8,
        pops_offered=8,
        pops_acknowledged=8,
        call_records=9,
        leads=2,
        fallback=1,
        lost=1,
        prompts_asked=0,
        prompts_ready=0,
    )
    counts = ClusterCounts.of(
        all_,
        by_asterisk={"hq": 5, "branch": 4},
        pops_by_asterisk={"hq": 4, "branch": 4},
        killed_after_s=3.0,
        arrived_after=4,
    )
    assert (counts.offered, counts.served, counts.records, counts.pops) == (10, 9, 9, 8)
    assert (counts.fallbacks, counts.lost, counts.arrived_after) == (1, 1, 4)
