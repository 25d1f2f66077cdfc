package peer

import (
	_ "embed"

	"github.com/go-json-experiment/json"
)

// codeLength is how many emoji two people compare, each of them 6 bits.
const codeLength = 7

// code is what two people compare, as indices into emojiTable.
type code [codeLength]int

// emoji is one of those that people compare, and what to call it.
type emoji struct{ Symbol, English, Chinese string }

//go:embed emoji.json
var emojiText []byte

// emojiTable is the table of LINK.md, section 8, which TypeScript reads too. The order is part of the protocol.
func emojiTable() (table [64]emoji, err error) {
	var rows [64][3]string
	if err := json.Unmarshal(emojiText, &rows); err != nil {
		return table, err
	}
	for i, row := range rows {
		table[i] = emoji{row[0], row[1], row[2]}
	}
	return table, nil
}
