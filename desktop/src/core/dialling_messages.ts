/** Why a number is not dialled for an agent. */

export const diallingInEnglish = {
  notice_dial_shape: "This is no number that can be dialled.",
  notice_dial_unknown: "No network has such a number. Check it and try again.",
  notice_dial_country: "Numbers of that country are not dialled from here.",
  notice_dial_costly: "Numbers that cost so much are not dialled from here.",
  notice_dial_stopped: "No numbers outside are dialled at present.",
  notice_dial_hours: "Numbers outside are not dialled at this hour.",
  notice_dial_at_once: "A call to a number outside that you began still goes on.",
  notice_dial_agent_limit: "You have had as many numbers outside dialled as an hour allows.",
  notice_dial_centre_limit: "All of you have had as many numbers outside dialled as an hour allows.",
  notice_dial_day_cost: "With this call, numbers outside would cost more today than is allowed.",
} as const;

export const diallingInChinese: Record<keyof typeof diallingInEnglish, string> = {
  notice_dial_shape: "这不是可以拨打的号码。",
  notice_dial_unknown: "没有这样的号码，请核对后再试。",
  notice_dial_country: "此处不能拨打该国家或地区的号码。",
  notice_dial_costly: "此处不能拨打高额收费号码。",
  notice_dial_stopped: "目前不能拨打外部号码。",
  notice_dial_hours: "当前时段不能拨打外部号码。",
  notice_dial_at_once: "您发起的另一个外部通话仍在进行。",
  notice_dial_agent_limit: "您一小时内拨打外部号码的次数已达上限。",
  notice_dial_centre_limit: "全体坐席一小时内拨打外部号码的次数已达上限。",
  notice_dial_day_cost: "再拨打此号码，今日外部通话费用将超过上限。",
};
