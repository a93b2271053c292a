package encode_test

import "math"

var (
	nan = math.NaN()
	inf = math.Inf(1)
)
