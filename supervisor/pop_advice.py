"""What happened to a pop that stopped, and what to do about it: one sentence each, in English and
Chinese. What stands in braces is filled from `Stopped.values`."""

from __future__ import annotations

from typing import NamedTuple

from supervisor.told_pops import Stopped


class Advice(NamedTuple):
    happened: str
    do: str


WORDS: dict[str, tuple[Advice, Advice]] = {
    "placed": (
        Advice(
            "An agent placed this call, and nobody is shown whom they call themselves.",
            "Nothing is to be mended.",
        ),
        Advice("此通话由坐席自己拨出，系统不会为自己拨出的电话弹屏。", "无需处理。"),
    ),
    "not_yet": (
        Advice(
            "The call goes on, and no agent's phone has rung for it yet.",
            "Look again when the phone rings.",
        ),
        Advice("通话仍在进行，尚未有坐席的电话振铃。", "待电话振铃后再查看。"),
    ),
    "never_queued": (
        Advice(
            "The call came into no queue, and no agent's phone rang.",
            "If it should have: `switchboard explain --call {call}` names the rule that sent it "
            "elsewhere.",
        ),
        Advice(
            "此通话未进入任何队列，没有坐席的电话振铃。",
            "如果本应进入队列：`switchboard explain --call {call}` 会指出是哪条规则改变了去向。",
        ),
    ),
    "nobody_rang": (
        Advice(
            "The caller waited in {queue}, and Asterisk told of no phone that rang (no "
            "AgentCalled).",
            "See on the page Now, or by `queue show {queue}` in Asterisk, whether anybody in this "
            "queue was ready; if a phone did ring, `switchboard doctor` says what the AMI user may "
            "not read.",
        ),
        Advice(
            "来电者在 {queue} 中等待，但 Asterisk 未报告任何电话振铃（没有 AgentCalled）。",
            "请在“实时”页面或用 Asterisk 的 `queue show {queue}` 查看该队列是否有人空闲；"
            "如果电话确实响过，`switchboard doctor` 会指出 AMI 用户缺少哪些读取权限。",
        ),
    ),
    "unmapped": (
        Advice(
            "{interface} rang, and no agent has this interface.",
            "If it is an agent's phone, say whose: `switchboard agents change LOGIN --interface "
            "{interface}`, with their other interfaces (`switchboard agents list`).",
        ),
        Advice(
            "{interface} 振铃，但没有坐席使用此接口。",
            "如果这是某位坐席的电话，请登记：`switchboard agents change LOGIN --interface "
            "{interface}`，并重复其其他接口（见 `switchboard agents list`）。",
        ),
    ),
    "no_trace": (
        Advice(
            "{interface} of {agent} rang, and nothing is kept of a pop.",
            "The server was away at that moment, or could not write: look for “pops:” in its log, "
            "and at Health on the page Now.",
        ),
        Advice(
            "{agent} 的 {interface} 振铃，但没有留下弹屏记录。",
            "当时服务器不可用或无法写入：请在其日志中查找“pops:”，并查看“实时”页面的运行状况。",
        ),
    ),
    "not_shown": (
        Advice(
            "{interface} of {agent} rang, and the rulebook wants no pop for this call.",
            "If it should be shown: take `shown: false` out of the rulebook (`pop` of the number, "
            "or a pop rule) and publish it on the page Rulebook.",
        ),
        Advice(
            "{agent} 的 {interface} 振铃，但规则手册规定此通话不弹屏。",
            "如果应当显示：请从规则手册中删除 `shown: false`（号码的 `pop` 或 pop 规则），"
            "再在“规则手册”页面发布。",
        ),
    ),
    "logged_out": (
        Advice(
            "{interface} rang, and {agent} was not logged in.",
            "{agent} logs in before taking calls; so that nobody is rung who is not there, leave "
            "queue members to Switchboard (`queues.membership: ours`) and take them out of "
            "queues.conf.",
        ),
        Advice(
            "{interface} 振铃时 {agent} 没有登录。",
            "{agent} 应先登录再接听；为避免呼叫不在岗的人，请由 Switchboard 管理队列成员"
            "（`queues.membership: ours`），并将其从 queues.conf 中删除。",
        ),
    ),
    "no_desktop": (
        Advice(
            "{agent} was logged in, and no desktop of theirs was there: the page was closed, the "
            "computer asleep, or the connection lost.",
            "{agent} opens the desktop and sees “Connected” at its top; if it is lost again and "
            "again, a proxy in between does not let websockets live (docs/administrators.md).",
        ),
        Advice(
            "{agent} 已登录，但没有可用的桌面：页面被关闭、电脑休眠或连接中断。",
            "{agent} 应打开桌面并确认顶部显示“已连接”；如果连接反复中断，"
            "则是中间的代理没有保持 websocket（见 docs/administrators.md）。",
        ),
    ),
    "unacknowledged": (
        Advice(
            "It was sent to {sockets} desktop(s) of {agent}, and none of them ever said that it "
            "showed it: the page hung, or its connection was dead and nobody knew yet.",
            "{agent} loads the desktop anew (F5); where a program takes their pops by a token, it "
            "has to acknowledge them (docs/screenpop-api.md).",
        ),
        Advice(
            "已发送到 {agent} 的 {sockets} 个桌面，但没有一个确认显示："
            "页面停止响应，或连接已断而尚未被发现。",
            "{agent} 应重新载入桌面（F5）；如果由程序凭令牌接收弹屏，"
            "该程序必须确认（见 docs/screenpop-api.md）。",
        ),
    ),
    "withdrawn": (
        Advice(
            "{interface} of {agent} rang for {rang_s} s only ({reason}): it was over before the "
            "desktop could show anything.",
            "Nothing is to be mended; if it happens often, let phones ring longer (`timeout` in "
            "queues.conf).",
        ),
        Advice(
            "{agent} 的 {interface} 仅振铃 {rang_s} 秒（{reason}）：桌面还来不及显示就已结束。",
            "无需处理；如果经常发生，请延长振铃时间（queues.conf 中的 `timeout`）。",
        ),
    ),
    "hidden": (
        Advice(
            "It came to the desktop of {agent}, and was not painted: its tab was in the "
            "background, or its window minimised.",
            "{agent} keeps the desktop in a window of its own that can be seen, and lets it notify "
            "of calls.",
        ),
        Advice(
            "已送达 {agent} 的桌面，但未绘制：标签页在后台或窗口被最小化。",
            "{agent} 应让桌面保持在单独的可见窗口中，并允许来电通知。",
        ),
    ),
    "late": (
        Advice(
            "{agent} saw it only {late_s} s after {interface} began to ring.",
            "{agent} keeps the desktop open in a window of its own, on a computer that does not "
            "sleep; if others are late too, the network or the server is slow: see Pop shown on "
            "the page Now.",
        ),
        Advice(
            "{interface} 开始振铃 {late_s} 秒后，{agent} 才看到弹屏。",
            "{agent} 应让桌面保持在单独的窗口中，且电脑不休眠；如果其他人也慢，"
            "则是网络或服务器慢：请看“实时”页面的弹屏显示时间。",
        ),
    ),
    "webhook_given_up": (
        Advice(
            "The webhook {hook} did not take it, and is told no more: {error}.",
            "Mend that system, or its url and secret (`pops.webhooks`), then `switchboard outbox "
            "retry {key}`.",
        ),
        Advice(
            "Webhook {hook} 未接收，已放弃发送：{error}。",
            "请修复该系统，或其 url 和密钥（`pops.webhooks`），"
            "然后运行 `switchboard outbox retry {key}`。",
        ),
    ),
    "webhook_waits": (
        Advice(
            "The webhook {hook} has not taken it yet, and is tried again: {error}.",
            "See whether that system answers, and whether its url and secret are right "
            "(`pops.webhooks`); `switchboard outbox show {key}` says how often it was tried.",
        ),
        Advice(
            "Webhook {hook} 尚未接收，系统会继续重试：{error}。",
            "请检查该系统是否应答，以及 url 和密钥是否正确（`pops.webhooks`）；"
            "`switchboard outbox show {key}` 显示已重试多少次。",
        ),
    ),
}

_REASONS = {
    "answered_elsewhere": ("a colleague answered", "同事已接听"),
    "missed": ("it was let ring", "未被接听"),
    "caller_gone": ("the caller hung up", "来电者已挂断"),
    "cancelled": ("it was withdrawn", "呼叫已撤回"),
}
_TIMES = ("{text} ({count} times)", "{text}（{count} 次）")


def advice(stop: Stopped, *, chinese: bool = False) -> Advice:
    words = WORDS[stop.code][chinese]
    reason = stop.values.get("reason", "")
    said = _REASONS.get(reason, (reason, reason))[chinese]
    values = {**stop.values, "reason": said or "–"}
    happened, do = (text.format_map(values) for text in words)
    if stop.count > 1:
        happened = _TIMES[chinese].format(text=happened, count=stop.count)
    return Advice(happened, do)
