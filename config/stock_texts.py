"""What is said where an author wrote nothing; `texts` of a rulebook replaces any by its name."""

from __future__ import annotations

STOCK_TEXTS: dict[str, dict[str, str]] = {
    "welcome": {"en": "Welcome.", "zh": "您好，欢迎致电。"},
    "not_understood": {
        "en": "Sorry, that key is not in the menu.",
        "zh": "对不起，没有这个选项。",
    },
    "nothing_pressed": {"en": "Sorry, I did not hear a key.", "zh": "对不起，没有收到您的按键。"},
    "person": {"en": "To speak to a person", "zh": "人工服务"},
    "option_key": {"en": "{{ say }}, press {{ digit }}.", "zh": "{{ say }}，请按{{ digit }}。"},
    "connecting": {"en": "One moment, please.", "zh": "请稍候，正在为您转接。"},
    "goodbye": {"en": "Thank you for calling. Goodbye.", "zh": "感谢您的来电，再见。"},
    # Typing a number in, and a PIN.
    "typed_wrong": {
        "en": "Sorry, we could not find that number.",
        "zh": "对不起，没有找到这个号码。",
    },
    "pin_wrong": {"en": "Sorry, that is not the PIN.", "zh": "对不起，密码不正确。"},
    "after_the_tone": {
        "en": "Please speak after the tone, and press hash when you are done.",
        "zh": "请在提示音后讲话，结束请按井号键。",
    },
    # The number is read out between the two.
    "callback_ask": {
        "en": "We can call you back. Your number is",
        "zh": "我们可以给您回电。您的号码是",
    },
    "callback_yes": {"en": "If that is right, press 1.", "zh": "正确请按1。"},
    # Whether the call may be recorded.
    "record_ask": {
        "en": "We would like to record this call. If you agree, press 1. If not, press 2.",
        "zh": "我们希望对本次通话录音。同意请按1，不同意请按2。",
    },
    "record_refused": {"en": "This call is not recorded.", "zh": "本次通话不会录音。"},
    "record_announce": {"en": "This call is recorded.", "zh": "本次通话将被录音。"},
    # On hold.
    "callback_offer": {
        "en": "If you would rather not wait, press 1 and we will call you back.",
        "zh": "如果您不想等待，请按1，我们会给您回电。",
    },
    "callback_done": {
        "en": "Thank you. We will call you back. Goodbye.",
        "zh": "谢谢，我们会给您回电，再见。",
    },
}
