/** Words of the log-in beyond the password. */

export const logInInEnglish = {
  wrong_code: "This code is not right, or was used already. Wait for the next one.",
  too_many_codes: "Too many wrong codes. Wait five minutes, then try again.",
  code_label: "Code of your authenticator app",
  code_hint: "Without your phone: one of your recovery codes.",
  back: "Back",
  enrol_title: "Set up a second factor",
  enrol_text:
    "Besides your password a code is asked for. Read this picture with an authenticator app on your phone, then type the six digits that the app shows.",
  enrol_picture: "Picture for the authenticator app",
  enrol_by_hand: "If the app cannot read it, type this into it:",
  enrol_anew: "That took too long: here is a new picture.",
  recovery_title: "Keep your recovery codes",
  recovery_text: "Each lets you in once, when your phone is not at hand. They are not shown again.",
  recovery_kept: "I have kept them",
} as const;

export const logInInChinese: Record<keyof typeof logInInEnglish, string> = {
  wrong_code: "验证码不正确或已使用过，请等待下一个验证码。",
  too_many_codes: "验证码错误次数过多，请五分钟后再试。",
  code_label: "身份验证器应用中的验证码",
  code_hint: "手机不在身边时，可输入一个恢复码。",
  back: "返回",
  enrol_title: "设置第二重验证",
  enrol_text: "除密码外还需要验证码。请用手机上的身份验证器应用扫描此图，然后输入应用显示的六位数字。",
  enrol_picture: "供身份验证器应用扫描的二维码",
  enrol_by_hand: "如果无法扫描，请在应用中输入：",
  enrol_anew: "操作超时，请扫描新的二维码。",
  recovery_title: "请妥善保存恢复码",
  recovery_text: "手机不在身边时，每个恢复码可登录一次。它们不会再次显示。",
  recovery_kept: "我已保存",
};
