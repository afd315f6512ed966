package features

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Shard is which part of a source the images of a set are.
type Shard struct {
	Number int `json:"number"` // from 1
	Of     int `json:"of"`
	First  int `json:"first"` // images of the source before this part
	End    int `json:"end"`   // images of the source up to the end of this part, those that could not be read too
	Total  int `json:"total"` // images of the source
	Batch  int `json:"batch"` // images that are handed to the classifier together: parts are whole multiples
}

// MaxShards is the largest number of parts.
const MaxShards = 1 << 20

// String is "2 of 4, images 65 to 128 of 200".
func (s *Shard) String() string {
	return fmt.Sprintf("%d of %d, images %d to %d of %d", s.Number, s.Of, s.First+1, s.End, s.Total)
}

// ShardOf is part number of of a source of total images. The parts are contiguous and as equal as whole batches can be: the
// classifier then sees the same batches as without parts, and features come out the same to the last bit. A part is empty
// when there are fewer batches than parts.
func ShardOf(number, of, total, batch int) *Shard {
	batches := (total + batch - 1) / batch
	return &Shard{
		Number: number, Of: of, Total: total, Batch: batch,
		First: (number - 1) * batches / of * batch,
		End:   min(number*batches/of*batch, total),
	}
}

// metadata is how a file carries s.
func (s *Shard) metadata() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a struct of numbers always survives this
	}
	return string(text)
}

// parseShard reads what metadata wrote.
func parseShard(text string) (*Shard, error) {
	s := new(Shard)
	if err := json.Unmarshal([]byte(text), s); err != nil {
		return nil, fmt.Errorf("read which part of the images it is: %w", err)
	}
	if s.Of > MaxShards || s.Total > 1<<40 || s.Batch > 1<<40 {
		return nil, errors.New("it says that it is a part of more than there can be")
	}
	if s.Number < 1 || s.Number > s.Of || s.Batch < 1 || s.First >= s.End || *s != *ShardOf(s.Number, s.Of, s.Total, s.Batch) {
		return nil, fmt.Errorf("it says that it is part %d of %d, images %d to %d of %d, which cannot be", s.Number, s.Of, s.First+1, s.End, s.Total)
	}
	return s, nil
}
