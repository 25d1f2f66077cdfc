import type { Status } from './words.ts'

const en = {
  title: 'What gets through?',
  lead: 'This page comes in as members do, and tries every way that their packets may go. In a terminal, snug doctor tells more.',
  again: 'Check again',
  copy: 'Copy the result',
  copied: 'Copied',
  home: 'To the start',
  working: 'Checking…',
  fine: 'Everything that could be tried is fine.',
  failed: (n: number) => n === 1 ? 'One thing has to be mended.' : `${n} things have to be mended.`,
  warned: (n: number) => n === 1 ? 'Everything works; one thing could be better.' : `Everything works; ${n} things could be better.`,
  broken: (error: string) => `This came to no end: ${error}`,
  status: { ok: 'fine', warn: 'could be better', fail: 'has to be mended', skipped: 'skipped' } satisfies Record<Status, string>,
  token: 'Token',
  useToken: 'Check with this token',
  language: '中文',
}

/** What the page says beside the results. */
export type PageWords = typeof en

const zh: PageWords = {
  title: '哪里不通？',
  lead: '此页面像成员一样连接服务器，逐一尝试数据包可能走的每条路径。在终端运行 snug doctor 能知道得更多。',
  again: '重新检查',
  copy: '复制结果',
  copied: '已复制',
  home: '返回首页',
  working: '正在检查…',
  fine: '能检查的都正常。',
  failed: n => `有 ${n} 项需要修复。`,
  warned: n => `都能用，但有 ${n} 项可以改进。`,
  broken: error => `检查中断：${error}`,
  status: { ok: '正常', warn: '可以改进', fail: '需要修复', skipped: '已跳过' },
  token: '令牌',
  useToken: '用此令牌重新检查',
  language: 'English',
}

export const pageLanguages: Record<string, PageWords> = { en, zh }

export function wordsOf(language: string): PageWords {
  return pageLanguages[language] ?? en
}

/** The language to speak: what ?lang= says, else what was chosen here before, else the browser's. */
export function language(search: string, kept: string | null, preferred: readonly string[]): string {
  const wanted = [new URLSearchParams(search).get('lang'), kept, ...preferred].map(one => one?.slice(0, 2).toLowerCase())
  return wanted.find(one => one === 'en' || one === 'zh') ?? 'en'
}
