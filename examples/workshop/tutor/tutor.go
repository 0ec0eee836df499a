// Package tutor checks a network that you write yourself, one function at a time, and recognizes the
// usual mistakes. `go run ./examples/workshop ../mine` writes a module with everything to fill in, and
// the test in it is one call:
//
//	func TestWorkshop(t *testing.T) {
//		tutor.Run(t, tutor.Functions{
//			NewMatrix: NewMatrix,
//			NewVolume: NewVolume,
//			…
//			Forward: func(n *convnet.Network, a *convnet.Activations, image [][]float64) {
//				(*Network)(n).Forward((*Activations)(a), image)
//			},
//			…
//		})
//	}
//
// # How it works
//
// A [Step] is one function. It has trials, each with a small input, and what convnet's own function
// makes of the input is what is wanted. Results are compared up to rounding, so your sums may have
// any order. How you notice a wrong argument, and what you say then, is up to you.
//
// A step also has mistakes: wrong functions that people write. If yours isn't right, the tutor runs
// them all, and if one of them gives what yours gave in every trial, it says what that mistake is.
//
// # Adding a mistake
//
// Add one entry to the list of its step: a sentence, and the wrong function.
//
//	{"negative values become positive", func(f *Functions) {
//		f.ReLU = func(dst, in [][]float64) {
//			for y, row := range in {
//				for x, v := range row {
//					dst[y][x] = math.Abs(v)
//				}
//			}
//		}
//	}},
//
// Then run `go test ./examples/workshop/tutor`. It fails if the step's trials don't catch the mistake,
// or if they can't tell it from another one. In either case add a trial, or change one.
package tutor
