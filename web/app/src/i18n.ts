import { type Cause, SnugError } from '../../sdk/src/index.ts'

const en = {
  code: 'en',
  other: '中文',
  title: 'Talk directly.',
  lead: 'Open a room and send its link. What you say goes from device to device, not through a server.',
  create: 'Create a room',
  or: 'or join one',
  invite: 'Invite',
  invitePlaceholder: 'https://example.org/r/ROOM',
  join: 'Join',
  yourName: 'Your name',
  save: 'Save',
  connecting: 'Connecting…',
  inRoom: 'In this room',
  you: 'you',
  message: 'Message',
  send: 'Send',
  messages: 'Messages',
  newMessages: 'New messages',
  copy: 'Copy invite',
  copied: 'Copied',
  qr: 'Show QR code',
  qrOf: 'QR code of the invite',
  close: 'Close',
  leave: 'Leave',
  left: 'You left.',
  joinAgain: 'Join again',
  newRoom: 'Another room',
  retry: 'Try again',
  alone: 'You are the first here. Send the invite to somebody.',
  open: 'Anyone with this link can come in.',
  states: { connecting: 'connecting…', live: 'connected', shaky: 'shaky', gone: 'not connected' },
  away: 'away from the hub',
  cameIn: (name: string) => `${name} came in`,
  wentOut: (name: string) => `${name} left`,
  hubAway: 'The hub can’t be reached. Your conversations go on.',
  retryIn: (seconds: number) => `Trying again in ${seconds} s.`,
  guest: 'Guest',
  unnamed: 'Somebody',
  unsent: 'That didn’t reach everybody.',
  causes: {
    closed: 'closed by the other side', left: 'left', ice: 'no network path between you two; a TURN server would help',
    dtls: 'the encryption handshake failed', signaling: 'no answer, and the hub was away', timeout: 'no answer',
    refused: 'it broke the protocol', self: 'closed',
  } satisfies Record<Cause, string>,
  errors: {
    invite: 'This is no invite. It should look like https://example.org/r/ROOM.',
    room: 'This room’s name can’t be: only A-Z a-z 0-9 - _ . ~ are allowed, 128 at most. Check the link, or create a room.',
    full: 'This room is full. Wait until somebody leaves, or open another room.',
    unreachable: 'The hub can’t be reached. Check your network, then try again.',
    'not-a-hub': 'Something answers at this address, but it is no snug hub. Check the link.',
    origin: 'This hub doesn’t let this page in. Its operator can, with the --origin setting.',
    superseded: 'You continued in another window. This one has stopped.',
    'no-webrtc': 'This browser has no WebRTC, or it is switched off. Use a current Firefox, Chromium or Chrome, or allow WebRTC in the settings.',
    version: 'This page and the hub don’t understand each other. Reload the page.',
    'going-away': 'The hub is being restarted. Try again in a moment.',
    timeout: 'The hub doesn’t answer. Check your network, then try again.',
    'too-long': 'This message is too long: 8,192 bytes are allowed. Shorten it, or send it in parts.',
    'too-much': 'Too much is waiting to be sent. Wait a moment.',
  } as Record<string, string>,
}

export type Words = typeof en

const zh: Words = {
  code: 'zh',
  other: 'English',
  title: '直接聊。',
  lead: '新建一个房间，把链接发给对方。你说的话直接从设备到设备，不经过服务器。',
  create: '新建房间',
  or: '或加入已有房间',
  invite: '邀请链接',
  invitePlaceholder: 'https://example.org/r/ROOM',
  join: '加入',
  yourName: '你的名字',
  save: '保存',
  connecting: '连接中…',
  inRoom: '房间成员',
  you: '你',
  message: '消息',
  send: '发送',
  messages: '聊天记录',
  newMessages: '新消息',
  copy: '复制邀请',
  copied: '已复制',
  qr: '显示二维码',
  qrOf: '邀请的二维码',
  close: '关闭',
  leave: '离开',
  left: '你已离开。',
  joinAgain: '重新加入',
  newRoom: '另开房间',
  retry: '重试',
  alone: '你是第一个到的。把邀请发给别人吧。',
  open: '任何有此链接的人都能进来。',
  states: { connecting: '连接中…', live: '已连接', shaky: '不稳定', gone: '未连接' },
  away: '暂离',
  cameIn: name => `${name} 进来了`,
  wentOut: name => `${name} 离开了`,
  hubAway: '暂时连不上服务器，但对话照常进行。',
  retryIn: seconds => `${seconds} 秒后重试。`,
  guest: '访客',
  unnamed: '某人',
  unsent: '这条消息没有送达所有人。',
  causes: {
    closed: '对方已断开', left: '已离开', ice: '你们之间没有可用的网络路径，需要 TURN 服务器',
    dtls: '加密握手失败', signaling: '没有应答，且服务器不在线', timeout: '没有应答', refused: '对方违反协议', self: '已关闭',
  },
  errors: {
    invite: '这不是邀请链接。它应该像 https://example.org/r/ROOM 这样。',
    room: '房间名无效：只能用 A-Z a-z 0-9 - _ . ~，最多 128 个字符。请检查链接，或新建房间。',
    full: '房间已满。等有人离开，或另开一个房间。',
    unreachable: '连不上服务器。请检查网络后重试。',
    'not-a-hub': '这个地址有应答，但不是 snug 服务器。请检查链接。',
    origin: '服务器不允许此页面连接。管理员可以用 --origin 选项放行。',
    superseded: '你已在另一个窗口继续，此窗口已停止。',
    'no-webrtc': '此浏览器没有 WebRTC，或已被关闭。请使用新版 Firefox、Chromium 或 Chrome，或在设置中允许 WebRTC。',
    version: '页面与服务器版本不符。请刷新页面。',
    'going-away': '服务器正在重启，请稍后再试。',
    timeout: '服务器没有应答。请检查网络后重试。',
    'too-long': '消息太长：最多 8,192 字节。请缩短或分几次发送。',
    'too-much': '等待发送的内容太多，请稍候。',
  },
}

export const languages: Record<string, Words> = { en, zh }

/** The language to speak: what ?lang= says, else what was chosen here before, else the browser's. */
export function chosen(search: string, kept: string | null, preferred: readonly string[]): Words {
  const wanted = [new URLSearchParams(search).get('lang'), kept, ...preferred]
  for (const language of wanted) {
    const words = languages[language?.slice(0, 2).toLowerCase() ?? '']
    if (words) return words
  }
  return en
}

/** The sentence for an error, in this language where there is one. */
export function explain(words: Words, error: unknown): string {
  if (!(error instanceof SnugError)) return String(error)
  const known = Object.hasOwn(words.errors, error.code) ? words.errors[error.code] : undefined
  return known ?? error.message
}
