// LINK.md, section 8: symbol, English and Chinese name. The order is part of the protocol; peer/emoji.json is the same.
const table = `🐘elephant大象🐪camel骆驼🐑sheep绵羊🐄cow奶牛🐸frog青蛙🐍snake蛇🐢turtle乌龟🐓rooster公鸡🐬dolphin海豚🐙octopus章鱼🦀crab螃蟹🐌snail蜗牛🐝bee蜜蜂🦇bat蝙蝠🦋butterfly蝴蝶🦉owl猫头鹰
🐧penguin企鹅🦊fox狐狸🌵cactus仙人掌🌴palm tree棕榈树🌻sunflower向日葵🍄mushroom蘑菇🍁maple leaf枫叶🌈rainbow彩虹🌙moon月亮⭐star星星🔥fire火焰🌊wave海浪🌋volcano火山⛄snowman雪人🍎apple苹果🍌banana香蕉
🍇grapes葡萄🍉watermelon西瓜🍍pineapple菠萝🥕carrot胡萝卜🌽corn玉米🍞bread面包🧀cheese奶酪🥚egg鸡蛋🍦ice cream冰淇淋🍩doughnut甜甜圈🚀rocket火箭🚂train火车🚲bicycle自行车🚜tractor拖拉机⛵sailing boat帆船🚁helicopter直升机
🏰castle城堡⛺tent帐篷🎸guitar吉他🎺trumpet小号🥁drum鼓🎈balloon气球🎁present礼物🎲dice骰子⚽football足球🔑key钥匙🔨hammer锤子🔔bell铃铛💡light bulb灯泡📷camera照相机☔umbrella雨伞👑crown皇冠`

export interface Emoji { symbol: string; en: string; zh: string }

export const emoji: Emoji[] = Array.from(table.matchAll(/([^a-z\n]+)([a-z ]+)(\p{Script=Han}+)/gu), ([, symbol, en, zh]) => ({ symbol: symbol!, en: en!, zh: zh! }))

/** What two people compare. */
export function emojiOf(code: readonly number[]): Emoji[] {
  return code.map(i => emoji[i]!)
}
