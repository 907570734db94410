"""The configuration of the demo's own Asterisk, around the shipped files an existing one includes.

Callers come from CALLERS_HOST, agents' phones are on PHONES_HOST, Asterisk itself is on PBX_HOST:
three loopback addresses, so that whoever sends a packet is known by its address alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ami_bridge.softphone_config import SOFTPHONES_FILE
from switchboard.demo.asterisk_program import AsteriskProgram

PBX_HOST = "127.0.0.1"
CALLERS_HOST = "127.0.0.2"
PHONES_HOST = "127.0.0.3"

#: What a call through FastAGI, a queue, realtime hold music and AMI needs, and no more: the whole
#: set takes several seconds to load.
MODULES = """\
pbx_config app_queue app_stack app_userevent app_verbose app_playback app_db app_dial app_echo
app_read app_milliwatt app_originate app_exec app_senddtmf app_voicemail bridge_simple
bridge_builtin_features bridge_native_rtp bridge_softmix bridge_holding chan_pjsip codec_ulaw
codec_alaw codec_gsm codec_resample format_wav format_pcm format_gsm format_sln func_callerid
func_channel func_cdr
func_curl func_db func_global func_groupcount func_dialplan func_logic func_math func_strings
func_timeout func_uri func_pjsip_endpoint func_env func_sprintf res_agi res_config_curl res_curl
res_http_media_cache res_musiconhold res_crypto res_realtime res_manager_devicestate
res_rtp_asterisk res_sorcery_astdb res_sorcery_config res_sorcery_memory res_sorcery_realtime
res_timing_timerfd res_speech res_pjproject res_pjsip res_pjsip_acl res_pjsip_authenticator_digest
res_pjsip_caller_id res_pjsip_dtmf_info res_pjsip_endpoint_identifier_ip
res_pjsip_endpoint_identifier_user res_pjsip_header_funcs res_pjsip_logger res_pjsip_nat
res_pjsip_outbound_authenticator_digest res_pjsip_pubsub res_pjsip_refer res_pjsip_registrar
res_pjsip_rfc3326 res_pjsip_sdp_rtp res_pjsip_session res_pjsip_path res_pjsip_outbound_publish
res_pjsip_maintenance cdr_csv cel_custom res_cdrel_custom
"""

#: What phones in a browser need besides.
SOFTPHONE_MODULES = "res_http_websocket res_pjsip_transport_websocket res_srtp"

_RTP = "[general]\nrtpstart = 10000\nrtpend = 20399\n"

#: The one there is, in the context `default`.
MAILBOX = "100"


@dataclass(frozen=True, slots=True)
class PbxAgent:
    """One agent's phone: endpoint PJSIP/`endpoint`, a fixed address instead of a registration."""

    endpoint: str
    name: str
    port: int


def directories(run: Path, program: AsteriskProgram) -> str:
    return f"""[directories]
astetcdir => {run}/etc
astmoddir => {program.modules}
astvarlibdir => {run}/lib
astdbdir => {run}/lib
astkeydir => {run}/lib
astdatadir => {run}/data
astagidir => {run}/data/agi-bin
astspooldir => {run}/spool
astcachedir => {run}/cache
astrundir => {run}/run
astlogdir => {run}/log

[options]
nocolor = yes
verbose = 3
documentation_language = en_US
"""


def modules(*, softphones: bool) -> str:
    names = [*MODULES.split(), *(SOFTPHONE_MODULES.split() if softphones else ())]
    loads = "".join(f"load = {name}.so\n" for name in names)
    return f"[modules]\nautoload = no\n{loads}"


def pjsip(*, port: int, agents: tuple[PbxAgent, ...], rtp_timeout_s: int) -> str:
    head = f"""[global]
type = global
user_agent = Switchboard demo
endpoint_identifier_order = auth_username,ip,username

[transport-udp]
type = transport
protocol = udp
bind = {PBX_HOST}:{port}

[phone](!)
type = endpoint
disallow = all
allow = ulaw,alaw
direct_media = no
media_address = {PBX_HOST}
bind_rtp_to_media_address = yes
dtmf_mode = auto_info
rtp_timeout = {rtp_timeout_s}
send_connected_line = no

[trunk](phone)
context = switchboard-in
identify_by = ip
trust_id_inbound = yes
[trunk]
type = identify
endpoint = trunk
match = {CALLERS_HOST}
"""
    return head + "".join(_agent(agent) for agent in agents) + f"\n#tryinclude {SOFTPHONES_FILE}\n"


def _agent(agent: PbxAgent) -> str:
    return f"""
[{agent.endpoint}](phone)
context = from-agents
aors = {agent.endpoint}
call_group = 1
pickup_group = 1
[{agent.endpoint}]
type = aor
contact = sip:{agent.endpoint}@{PHONES_HOST}:{agent.port}
"""


def queues(
    sample: str,
    names: tuple[str, ...],
    members: tuple[tuple[str, str, int], ...],
    ring_s: int,
    strategy: str,
) -> str:
    """The shipped sample queue, then ours in its image with every member (interface, name,
    penalty) in each.

    The strategy is put into the image itself: app_queue takes the first it finds of a queue (22.10,
    app_queue.c `reload_single_queue`), and the image's comes first.
    """
    sample = re.sub(r"(?m)^strategy = .*$", f"strategy = {strategy}", sample)
    lines = "".join(
        f"member => {interface},{penalty},{name},{interface}\n"
        for interface, name, penalty in members
    )
    ours = "".join(
        f"\n[{name}]({'+' if name == 'default' else 'switchboard-queue'})\n"
        f"timeout = {ring_s}\nretry = 1\nwrapuptime = 0\n{lines}"
        for name in names
    )
    return f"[general]\npersistentmembers = no\nautofill = yes\n\n{sample}{ours}"


def for_softphones(*, http_port: int, addresses: Sequence[str]) -> dict[str, str]:
    """The files that differ where there are phones in a browser.

    Asterisk tells ICE of every address of the machine but loopback ones, yet its sound is bound to
    PBX_HOST: so each of `addresses` stands for that. Without any (a network namespace with `lo`
    alone) phones register and ring, but no sound comes (seen with Asterisk 22.10).
    """
    candidates = "".join(f"{address} => {PBX_HOST}\n" for address in addresses)
    return {
        "http.conf": f"[general]\nenabled = yes\nbindaddr = {PBX_HOST}\nbindport = {http_port}\n"
        "sessionlimit = 300\n",
        "rtp.conf": _RTP
        + f"icesupport = yes\nstrictrtp = yes\n\n[ice_host_candidates]\n{candidates}",
    }


def small_files(*, ami_port: int, run: Path) -> dict[str, str]:
    """The rest: each includes the shipped file where there is one."""
    return {
        "extensions.conf": "[general]\nstatic = yes\n\n#include switchboard_extensions.conf\n"
        "\n[from-agents]\nexten => _X.,1,Hangup()\n"
        "\n[switchboard-targets]\nexten => reception,1,Answer()\n same => n,Echo()\n",
        "voicemail.conf": "[general]\nformat = wav\nmaxsilence = 0\n\n"
        f"[default]\n{MAILBOX} => 1234,Sales\n",
        "manager.conf": f"[general]\nenabled = yes\nbindaddr = {PBX_HOST}\nport = {ami_port}\n"
        "displayconnects = no\n\n#include switchboard_manager.conf\n",
        "extconfig.conf": "[settings]\n#include switchboard_extconfig.conf\n",
        "res_curl.conf": "[globals]\n#include switchboard_curl.conf\n",
        "musiconhold.conf": "#include switchboard_musiconhold.conf\n",
        "res_http_media_cache.conf": "[general]\n#include switchboard_media_cache.conf\n",
        "rtp.conf": _RTP + "icesupport = no\n",
        "logger.conf": "[general]\ndateformat = %F %T.%3q\nqueue_log = yes\n\n[logfiles]\n"
        "messages = notice,warning,error\nfull = notice,warning,error,verbose(4)\n",
        "cdr.conf": "[general]\nenable = yes\n\n[csv]\nusegmtime = yes\nloguniqueid = yes\n",
        "cel.conf": "[general]\nenable = yes\ndateformat = %F %T.%6q\n"
        "events = CHAN_START,ANSWER,BRIDGE_ENTER,HANGUP,CHAN_END,LINKEDID_END\n",
        "cel_custom.conf": "[mappings]\nMaster.csv => ${CSV_QUOTE(${eventtype})},"
        "${CSV_QUOTE(${eventtime})},${CSV_QUOTE(${CHANNEL(linkedid)})},"
        "${CSV_QUOTE(${CHANNEL(uniqueid)})},${CSV_QUOTE(${CHANNEL(channame)})}\n",
        "http.conf": "[general]\nenabled = no\n",
        "acl.conf": "",
        "queuerules.conf": "",
        "udptl.conf": "",
        "features.conf": "[featuremap]\natxfer => *2\n",
        "ccss.conf": "",
        "stasis.conf": "",
        "indications.conf": "[general]\ncountry = us\n[us]\ndescription = US\n"
        "ringcadence = 2000,4000\n"
        "dial = 350+440\nbusy = 480+620/500,0/500\nring = 440+480/2000,0/4000\n"
        "congestion = 480+620/250,0/250\n",
        "res_stun_monitor.conf": "",
        "pjproject.conf": "",
        "confbridge.conf": "",
    }
