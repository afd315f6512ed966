// Package classifier runs a frozen ONNX image classifier and hands out, for every image, its penultimate
// feature vector and its logits.
//
// Two engines stand behind one small interface. ONNX Runtime runs everything and is fast, but needs a shared
// library, found at run time (see [FindLibrary]). onnx-go with gorgonia is compiled in, needs no native code,
// and runs plain convolutional networks; what it cannot run is refused by [Open], which names the operator.
// A classifier is checked when it is opened: its features must not depend on the other images of a batch, and
// where its head is linear, W·f + b must give the logits.
package classifier
