package lower

import (
	"fmt"

	"github.com/oodflow/oodflow/internal/onnx"
)

// slide is how a window moves over a map.
type slide struct {
	strides, dilations [2]int
	pads               [4]int // top, left, bottom, right
}

// window reads the attributes of a convolution or pooling with an h×w window over x, of shape N×C×H×W.
func window(n *onnx.Node, x []int, h, w int) (slide, error) {
	s := slide{strides: [2]int{1, 1}, dilations: [2]int{1, 1}}
	size := [2]int{h, w}
	if k := n.Ints("kernel_shape"); k != nil && (len(k) != 2 || k[0] != int64(h) || k[1] != int64(w)) {
		return slide{}, fmt.Errorf("its kernel_shape is %v, its weights are %d×%d", k, h, w)
	}
	if err := pair(n, "strides", &s.strides); err != nil {
		return slide{}, err
	}
	if err := pair(n, "dilations", &s.dilations); err != nil {
		return slide{}, err
	}
	if h < 1 || w < 1 || (h-1)*s.dilations[0] >= 1<<15 || (w-1)*s.dilations[1] >= 1<<15 {
		return slide{}, fmt.Errorf("a window of %d×%d with dilations %v", h, w, s.dilations)
	}
	switch auto := n.Text("auto_pad"); auto {
	case "", "NOTSET":
		pads := n.Ints("pads")
		if pads == nil {
			break
		}
		if len(pads) != 4 {
			return slide{}, fmt.Errorf("its pads are %v, not four sizes", pads)
		}
		for i, p := range pads {
			if p < 0 || p >= 1<<15 {
				return slide{}, fmt.Errorf("its pads are %v", pads)
			}
			s.pads[i] = int(p)
		}
	case "VALID":
	case "SAME_UPPER", "SAME_LOWER":
		for i := range 2 {
			out := (x[2+i] + s.strides[i] - 1) / s.strides[i]
			total := max(0, (out-1)*s.strides[i]+(size[i]-1)*s.dilations[i]+1-x[2+i])
			s.pads[i], s.pads[2+i] = total/2, total-total/2
			if auto == "SAME_LOWER" {
				s.pads[i], s.pads[2+i] = s.pads[2+i], s.pads[i]
			}
		}
	default:
		return slide{}, fmt.Errorf("auto_pad %s", auto)
	}
	return s, nil
}

// pair reads an attribute of two positive sizes, which keeps its value when it is left out.
func pair(n *onnx.Node, name string, dst *[2]int) error {
	list := n.Ints(name)
	if list == nil {
		return nil
	}
	if len(list) != 2 || list[0] < 1 || list[1] < 1 || list[0] >= 1<<15 || list[1] >= 1<<15 {
		return fmt.Errorf("its %s are %v, not two positive sizes", name, list)
	}
	dst[0], dst[1] = int(list[0]), int(list[1])
	return nil
}
