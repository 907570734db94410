"""The people that demos and tests call by name, and what makes each of them worth a call."""

from __future__ import annotations

from dataclasses import dataclass

from crm_adapter.embedded.demo_accounts import DemoAccount, DemoAppointment
from crm_adapter.embedded.demo_rhythms import Rhythm
from crm_adapter.embedded.demo_service import DemoCase, DemoOrder

#: Maria Garcia: one open order, three days late; an account with the PIN 2468, an appointment.
MARIA = "+12025550101"
#: Victoria Stone: buys most of all.
VIP = "+12025550102"
#: Olivia and Noah Bennett share it.
HOUSEHOLD = "+12025550103"
#: 王小明, who speaks Chinese.
MANDARIN = "+12025550104"
#: Peter Novak: an open complaint.
COMPLAINT = "+12025550105"
#: Ruth Ellis: a regular who stopped coming.
LAPSED = "+12025550106"


@dataclass(frozen=True, slots=True)
class Member:
    first_name: str
    last_name: str
    numbers: tuple[tuple[str, str], ...]
    rhythm: Rhythm
    company: str | None = None
    language: str = "en"
    #: Pieces bought where others buy one.
    bulk: int = 1
    orders: tuple[DemoOrder, ...] = ()
    cases: tuple[DemoCase, ...] = ()
    account: DemoAccount | None = None
    appointments: tuple[DemoAppointment, ...] = ()


MEMBERS = (
    Member(
        "Maria",
        "Garcia",
        ((MARIA, "mobile"),),
        Rhythm(24, since=730, until=11),
        orders=(
            DemoOrder("luna-solo", "delayed", placed=11, due=3),
            DemoOrder("bean-house", "delivered", placed=44, due=40, is_open=False),
        ),
        account=DemoAccount("70010042", "48.50", pin="2468"),
        appointments=(DemoAppointment("Descaling your espresso machine", ahead=2, hour=10),),
    ),
    Member(
        "Victoria",
        "Stone",
        ((VIP, "mobile"), ("+12125550102", "work")),
        Rhythm(96, since=1050, until=6),
        company="Stone Hospitality",
        bulk=12,
        orders=(DemoOrder("bean-office", "in_transit", placed=6, due=-2, is_paid=False),),
        account=DemoAccount("70010043", "-1290.00", pin="1357"),
    ),
    Member(
        "Olivia",
        "Bennett",
        ((HOUSEHOLD, "home"), ("+12125550103", "mobile")),
        Rhythm(15, since=600, until=20),
    ),
    Member("Noah", "Bennett", ((HOUSEHOLD, "home"),), Rhythm(6, since=400, until=70)),
    Member(
        "小明",
        "王",
        ((MANDARIN, "mobile"),),
        Rhythm(18, since=640, until=14),
        language="zh",
        orders=(DemoOrder("tea-oolong", "packed", placed=2, due=-3, is_paid=False),),
        account=DemoAccount("70010044", "-260.00", pin="8642"),
        appointments=(DemoAppointment("茶艺体验课", ahead=5, hour=14),),
    ),
    Member(
        "Peter",
        "Novak",
        ((COMPLAINT, "mobile"),),
        Rhythm(10, since=500, until=25),
        cases=(DemoCase("Machine leaks again", "complaint", opened=4),),
    ),
    Member("Ruth", "Ellis", ((LAPSED, "mobile"),), Rhythm(20, since=900, until=150)),
)
